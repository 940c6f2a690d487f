import { AssertionError } from '../../core/base/assert.js';
import { layerOf } from './cluster.js';
import { story } from './lifecycle.js';
import { eachBarrierSource, eachPointSource, eachSpanSource, isBarrier } from './links.js';
import type { Cluster, Layer } from './model.js';
import { Flag, none, State, stateNames } from './slots.js';

/** Checks every invariant against values worked out from scratch; throws with the story of what is wrong. For tests. */
export function validate(cluster: Cluster): void {
  checkLayers(cluster);
  checkConsumers(cluster);
  checkWorkers(cluster);
  checkJobs(cluster);
}

function check(condition: boolean, text: () => string): void {
  if (!condition) throw new AssertionError(`volley bug: ${text()}`);
}

function liveLayers(cluster: Cluster): Layer[] {
  return cluster.layers.filter(layer => layer !== null);
}

function checkLayers(cluster: Cluster): void {
  const slots = cluster.slots;
  const tally = new Uint32Array(stateNames.length);
  let used = 0;
  for (const layer of liveLayers(cluster)) {
    used += layer.count;
    const counts = { open: 0, done: 0, wanted: 0, ready: 0 };
    for (let slot = layer.slot; slot < layer.slot + layer.count; slot++) {
      check(layerOf(cluster, slot) === layer, () => `slot ${slot} is not in its layer ${layer.id}`);
      const state = slots.state[slot]!;
      tally[state]!++;
      if ((slots.flags[slot]! & Flag.Open) !== 0) counts.open++;
      if ((slots.flags[slot]! & Flag.Wanted) !== 0) counts.wanted++;
      if (state === State.Done) counts.done++;
      if (state === State.Ready) {
        counts.ready++;
        check(slot - layer.slot >= layer.cursor, () => `ready below the cursor: ${story(cluster, slot)}`);
      }
      checkTask(cluster, layer, slot);
    }
    for (const [name, value] of Object.entries(counts)) {
      const kept = layer[name as keyof typeof counts];
      check(kept === value, () => `layer ${layer.spec.options.name} counts ${kept} ${name}, not ${value}`);
    }
    check(
      layer.ready === 0 || layer.listed,
      () => `layer ${layer.spec.options.name} is ready and not listed`,
    );
    for (const link of layer.links) {
      if (!isBarrier(link)) continue;
      let missing = 0;
      eachSpanSource(link, source => {
        if (slots.state[source] !== State.Done) missing++;
      });
      check(
        link.missing === missing,
        () => `barrier of ${layer.spec.options.name} misses ${missing}, not ${link.missing}`,
      );
    }
  }
  check(slots.used === used, () => `${slots.used} slots in use, ${used} in layers`);
  check(
    slots.freeCount === slots.capacity - used,
    () => `${slots.freeCount} free of ${slots.capacity}, ${used} used`,
  );
  for (const [state, name] of stateNames.entries()) {
    check(
      cluster.tally[state] === tally[state],
      () => `${cluster.tally[state]} ${name} counted, ${tally[state]} there`,
    );
  }
}

function checkTask(cluster: Cluster, layer: Layer, slot: number): void {
  const slots = cluster.slots;
  const state = slots.state[slot]!;
  const flags = slots.flags[slot]!;
  const say = (what: string) => () => `${what}: ${story(cluster, slot)}`;
  let unmet = 0;
  eachPointSource(layer, slot - layer.slot, source => {
    if (source === none || slots.state[source] !== State.Done) unmet++;
  });
  for (const link of layer.links) if (isBarrier(link) && link.missing > 0) unmet++;
  check(slots.unmet[slot] === unmet, say(`unmet is ${slots.unmet[slot]}, not ${unmet}`));
  check(((flags & Flag.Open) !== 0) === state <= State.RetryWait, say('open flag and state differ'));
  check(state !== State.Ready || unmet === 0, say('ready without its inputs'));
  check(state !== State.Waiting || unmet > 0 || layer.put, say('waiting for nothing'));
  check(slots.consumers[slot] === 0 || state !== State.Released, say('released while it is needed'));
  const held = slots.holder[slot] !== 0;
  const inline = (flags & Flag.Inline) !== 0;
  check((state === State.Done) === (held || inline), say('done and having a result differ'));
  check(inline === cluster.payloads.has(slot), say('payload and flag differ'));
  if (state === State.Done) {
    check((flags & Flag.Wanted) !== 0 || slots.consumers[slot]! > 0, say('kept though nobody needs it'));
  }
  for (const holder of slots.holders(slot))
    check(cluster.workers.has(holder), say(`holder ${holder} is gone`));
  check((state === State.Assigned) === (slots.owner[slot] !== 0), say('assigned and owner differ'));
  check((state === State.RetryWait) === cluster.overdueAt.has(slot), say('retry-wait without a time'));
  check((flags & Flag.Ticket) === 0 || state <= State.RetryWait, say('ticket of an ended task'));
  const owner = cluster.workers.get(slots.owner[slot]!);
  check(state !== State.Assigned || owner?.assigned.has(slot) === true, say('its owner does not know'));
}

function checkConsumers(cluster: Cluster): void {
  const expected = new Uint32Array(cluster.slots.capacity);
  const count = (source: number) => {
    if (source !== none) expected[source]!++;
  };
  for (const layer of liveLayers(cluster)) {
    for (let position = 0; position < layer.count; position++) {
      if ((cluster.slots.flags[layer.slot + position]! & Flag.Open) !== 0)
        eachPointSource(layer, position, count);
    }
    if (layer.open > 0) eachBarrierSource(layer, count);
  }
  for (const layer of liveLayers(cluster)) {
    for (let slot = layer.slot; slot < layer.slot + layer.count; slot++) {
      const kept = cluster.slots.consumers[slot];
      check(
        kept === expected[slot],
        () => `${kept} consumers, not ${expected[slot]}: ${story(cluster, slot)}`,
      );
    }
  }
}

function checkWorkers(cluster: Cluster): void {
  const slots = cluster.slots;
  check(cluster.workerList.length === cluster.workers.size, () => 'worker list and map differ');
  for (const worker of cluster.workers.values()) {
    let queuedMs = 0;
    let retracting = 0;
    const inUse = new Map<string, number>();
    for (const slot of worker.assigned) {
      check(slots.state[slot] === State.Assigned, () => `${worker.name} holds ${story(cluster, slot)}`);
      check(
        slots.owner[slot] === worker.id,
        () => `${worker.name} is not the owner of ${story(cluster, slot)}`,
      );
      queuedMs += slots.expectedMs[slot]!;
      if ((slots.flags[slot]! & Flag.Retracting) !== 0) retracting++;
      for (const [name, units] of layerOf(cluster, slot).requirement.resources) {
        inUse.set(name, (inUse.get(name) ?? 0) + units);
      }
    }
    const off = Math.abs(worker.queuedMs - queuedMs);
    check(
      off < 1e-3 * (1 + queuedMs),
      () => `${worker.name} counts ${worker.queuedMs} ms queued, not ${queuedMs}`,
    );
    check(
      worker.retracting === retracting,
      () => `${worker.name} counts ${worker.retracting} retracting, not ${retracting}`,
    );
    for (const [name, units] of worker.inUse) {
      check(units === (inUse.get(name) ?? 0), () => `${worker.name} counts ${units} of ${name} in use`);
    }
    check(worker.batch.length === 0, () => `${worker.name} has tasks placed and not sent`);
  }
}

function checkJobs(cluster: Cluster): void {
  let layers = 0;
  for (const job of cluster.jobs.values()) {
    layers += job.layers.length;
    for (let at = 1; at < job.layers.length; at++) {
      const before = job.layers[at - 1]!;
      check(before.first + before.count <= job.layers[at]!.first, () => `layers of job ${job.id} overlap`);
    }
    check(job.dropped || job.client.jobs.has(job), () => `job ${job.id} is unknown to its client`);
  }
  check(
    layers === liveLayers(cluster).length,
    () => `${layers} layers in jobs, ${liveLayers(cluster).length} in the table`,
  );
  const asked = new Set(liveLayers(cluster).map(layer => layer.requirement.key));
  check(
    cluster.requirements.size === asked.size,
    () => `${cluster.requirements.size} requirements for ${asked.size} asked`,
  );
}
