// An S3-compatible server in a process of its own. Started by s3.ts.
import { startFauxqs } from 'fauxqs';

const server = await startFauxqs({ port: 0, logger: false });
process.stdout.write(`${server.port}\n`);
process.on('disconnect', () => process.exit(0));
