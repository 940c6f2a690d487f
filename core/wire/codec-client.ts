import type { Ask__Output } from '../../proto/generated/volley/v1/Ask.js';
import type { FromClient, FromClient__Output } from '../../proto/generated/volley/v1/FromClient.js';
import type { ToClient, ToClient__Output } from '../../proto/generated/volley/v1/ToClient.js';
import { assertNever } from '../base/assert.js';
import type { ClientId, JobId, WorkerId } from '../base/ids.js';
import { bytesOf, check, checkLength, malformed, present, readF64, readU32 } from './codec-fields.js';
import { readLayer, readRange, readRanges, readTemplate, writeLayer, writeRanges } from './codec-layers.js';
import { readPeers, readRef, readRefused, readVersions, writePeers } from './codec-nodes.js';
import { readResults, writeResults } from './codec-tasks.js';
import type { ClientToHead, HeadToClient, Question } from './messages.js';

/** Messages of a client's stream, both directions. */

export function writeClientBody(message: ClientToHead): FromClient {
  switch (message.kind) {
    case 'client-hello':
      return { hello: { versions: message.versions, name: message.name } };
    case 'template':
      return { template: message.spec };
    case 'submit':
      return { submit: writeLayer(message.layer) };
    case 'put-done':
      return {
        putDone: {
          job: message.job,
          indicesU32: bytesOf(message.indices),
          worker: message.worker,
          rowsF64: bytesOf(message.rows),
          bytesF64: bytesOf(message.bytes),
        },
      };
    case 'cancel':
      return { cancel: message.range };
    case 'release':
      return { release: writeRanges(message.ranges) };
    case 'evict':
      return { evict: message.range };
    case 'drop-job':
      return { dropJob: message.job };
    case 'ack':
      return { ack: message.sequence };
    case 'ask':
      return { ask: { request: message.request, ...writeQuestion(message.question) } };
    case 'client-bye':
      return { bye: true };
    default:
      return assertNever(message);
  }
}

export function readClientBody(wire: FromClient__Output): ClientToHead {
  switch (wire.body) {
    case 'hello':
      return { kind: 'client-hello', versions: readVersions(wire.hello!.versions), name: wire.hello!.name };
    case 'template':
      return { kind: 'template', spec: readTemplate(wire.template!) };
    case 'submit':
      return { kind: 'submit', layer: readLayer(wire.submit!) };
    case 'putDone': {
      const { job, indicesU32, worker, rowsF64, bytesF64 } = wire.putDone!;
      const indices = readU32(indicesU32, 'put-done.indices');
      const rows = readF64(rowsF64, 'put-done.rows');
      const bytes = readF64(bytesF64, 'put-done.bytes');
      checkLength(rows, indices.length, 'put-done.rows');
      checkLength(bytes, indices.length, 'put-done.bytes');
      return { kind: 'put-done', job: job as JobId, indices, worker: worker as WorkerId, rows, bytes };
    }
    case 'cancel':
      return { kind: 'cancel', range: readRange(wire.cancel, 'cancel') };
    case 'release':
      return { kind: 'release', ranges: readRanges(wire.release!) };
    case 'evict':
      return { kind: 'evict', range: readRange(wire.evict, 'evict') };
    case 'dropJob':
      return { kind: 'drop-job', job: wire.dropJob! as JobId };
    case 'ack':
      check(Number.isSafeInteger(wire.ack), `ack is ${wire.ack}`);
      return { kind: 'ack', sequence: wire.ack! };
    case 'ask':
      return { kind: 'ask', request: wire.ask!.request, question: readQuestion(wire.ask!) };
    case 'bye':
      return { kind: 'client-bye' };
    default:
      throw malformed('a client message of unknown kind');
  }
}

function writeQuestion(question: Question): Omit<NonNullable<FromClient['ask']>, 'request'> {
  switch (question.about) {
    case 'status':
      return { status: true };
    case 'explain':
      return { explain: question.task };
    case 'locate':
      return { locate: { task: question.task, lost: question.lost } };
    default:
      return assertNever(question);
  }
}

function readQuestion(wire: Ask__Output): Question {
  switch (wire.about) {
    case 'status':
      return { about: 'status' };
    case 'explain':
      return { about: 'explain', task: readRef(wire.explain, 'ask.explain') };
    case 'locate': {
      const { task, lost } = present(wire.locate, 'ask.locate');
      return { about: 'locate', task: readRef(task, 'ask.locate'), lost };
    }
    default:
      throw malformed('a question of unknown kind');
  }
}

export function writeNewsBody(message: HeadToClient): ToClient {
  switch (message.kind) {
    case 'client-welcome': {
      const { client, cluster, firstJob, jobCount } = message;
      return { welcome: { client, cluster, firstJob, jobCount } };
    }
    case 'refused':
      return { refused: { code: message.code, message: message.message } };
    case 'peers':
      return { peers: writePeers(message) };
    case 'task-results':
      return { results: writeResults(message) };
    case 'put-lost':
      return { putLost: { job: message.job, indicesU32: bytesOf(message.indices) } };
    case 'answer':
      return { answer: { request: message.request, json: message.json } };
    case 'fault':
      return { fault: { json: message.json } };
    default:
      return assertNever(message);
  }
}

export function readNewsBody(wire: ToClient__Output): HeadToClient {
  switch (wire.body) {
    case 'welcome': {
      const { client, cluster, firstJob, jobCount } = wire.welcome!;
      return { kind: 'client-welcome', client: client as ClientId, cluster, firstJob, jobCount };
    }
    case 'refused':
      return readRefused(wire.refused!);
    case 'peers':
      return readPeers(wire.peers!);
    case 'results':
      return readResults(wire.results!);
    case 'putLost': {
      const { job, indicesU32 } = wire.putLost!;
      return { kind: 'put-lost', job: job as JobId, indices: readU32(indicesU32, 'put-lost.indices') };
    }
    case 'answer':
      return { kind: 'answer', request: wire.answer!.request, json: wire.answer!.json };
    case 'fault':
      return { kind: 'fault', json: wire.fault!.json };
    default:
      throw malformed('news of unknown kind');
  }
}
