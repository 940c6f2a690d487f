// A web server over a folder, as awkward as the first segment of the path says. Started by http-files.ts.
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

const root = process.argv[2];
/** What was asked for: method, url, range and authorization of each request. */
const log = [];
const failuresLeft = new Map();

function serve(request, response, path, { ranges = true, cut = false, etag = null }) {
  let size;
  try {
    size = statSync(join(root, path)).size;
  } catch {
    response.writeHead(404).end();
    return;
  }
  const range = ranges ? /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') : null;
  const headers = etag === null ? {} : { etag };
  if (range === null) {
    response.writeHead(200, { ...headers, 'content-length': size });
    createReadStream(join(root, path)).pipe(response);
    return;
  }
  const start = Number(range[1]);
  const end = Math.min(Number(range[2]), size - 1);
  if (start >= size) {
    response.writeHead(416, { 'content-range': `bytes */${size}` }).end();
    return;
  }
  const length = end - start + 1;
  response.writeHead(206, {
    ...headers,
    'content-length': length,
    'content-range': `bytes ${start}-${end}/${size}`,
  });
  if (cut && length > 1) {
    const stream = createReadStream(join(root, path), { start, end: start + Math.floor(length / 2) - 1 });
    stream.on('end', () => setTimeout(() => response.destroy(), 20));
    stream.pipe(response, { end: false });
    return;
  }
  createReadStream(join(root, path), { start, end }).pipe(response);
}

const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost');
  const [, kind, ...rest] = url.pathname.split('/');
  const path = decodeURIComponent(rest.join('/'));
  const { range, authorization } = request.headers;
  if (kind !== 'log')
    log.push({ method: request.method, url: request.url, range, authorization, x: request.headers['x-key'] });
  switch (kind) {
    case 'log':
      response.end(JSON.stringify(log.splice(0)));
      return;
    case 'files':
      serve(request, response, path, { etag: '"one"' });
      return;
    case 'whole':
      serve(request, response, path, { ranges: false });
      return;
    case 'huge':
      response.writeHead(200, { 'content-length': 2 ** 40 });
      response.write('a');
      return;
    case 'cut':
      serve(request, response, path, { cut: true });
      return;
    case 'changing':
      serve(request, response, path, { etag: `"${log.length}"` });
      return;
    // Fails so many times for each range, with this status.
    case 'fails': {
      const [status, times, ...file] = rest;
      const key = `${request.url} ${range}`;
      const left = failuresLeft.get(key) ?? Number(times);
      failuresLeft.set(key, left - 1);
      if (left > 0) {
        response.writeHead(Number(status)).end('no');
        return;
      }
      serve(request, response, file.join('/'), {});
      return;
    }
    case 'secret': {
      const wanted = `Basic ${Buffer.from('ann:pa ss').toString('base64')}`;
      if (authorization !== wanted && url.searchParams.get('signature') !== 's3cr3t') {
        response.writeHead(401).end();
        return;
      }
      serve(request, response, path, {});
      return;
    }
    // `/to/http%3A%2F%2F…`
    case 'to':
      response.writeHead(302, { location: path }).end();
      return;
    case 'loop':
      response.writeHead(307, { location: request.url }).end();
      return;
    default:
      response.writeHead(404).end();
  }
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
process.on('disconnect', () => process.exit(0));
