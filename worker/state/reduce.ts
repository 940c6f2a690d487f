import { assertNever } from '../../core/base/assert.js';
import type { EffectSink, Event } from './api.js';
import { onHead } from './on-head.js';
import {
  onBatchRefused,
  onLaneDied,
  onLaneFree,
  onLaneResults,
  onLaneStarted,
  onTailTaken,
  onTick,
} from './on-lane.js';
import { onPullDone, onPullFailed } from './on-pull.js';
import { jobOf, type Worker } from './worker.js';

/** Applies one event. Synchronous; sees only its arguments, so a log replays exactly. */
export function reduce(worker: Worker, event: Event, nowMs: number, out: EffectSink): void {
  switch (event.kind) {
    case 'head':
      onHead(worker, event.message, out);
      return;
    case 'pull-done':
      onPullDone(worker, event, out);
      return;
    case 'pull-failed':
      onPullFailed(worker, event.pull, event.code, event.detail, out);
      return;
    case 'lane-started':
      onLaneStarted(worker, event.lane, event.batch, nowMs);
      return;
    case 'lane-results':
      onLaneResults(worker, event.lane, event.batch, event.results, out);
      return;
    case 'lane-free':
      onLaneFree(worker, event.lane, event.batch, out);
      return;
    case 'lane-died':
      onLaneDied(worker, event.lane, event.batch, event.claimed, event.detail, out);
      return;
    case 'tail-taken':
      onTailTaken(worker, event.lane, event.batch, event.from, out);
      return;
    case 'batch-refused':
      onBatchRefused(worker, event.lane, event.batch, event.lost, event.detail, out);
      return;
    case 'stored':
      jobOf(worker, event.task.job).results.add(event.task.index);
      return;
    case 'result-gone':
      worker.jobs.get(event.task.job)?.results.delete(event.task.index);
      out.fault({
        kind: 'partition-corrupt',
        task: event.task,
        peer: worker.options.worker,
        detail: event.detail,
      });
      out.toHead({ kind: 'replicas-changed', added: [], dropped: [event.task] });
      return;
    case 'memory':
      worker.paused = event.paused;
      return;
    case 'tick':
      onTick(worker, nowMs, out);
      return;
    default:
      assertNever(event);
      return;
  }
}
