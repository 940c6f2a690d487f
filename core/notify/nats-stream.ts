import type { JetStreamManager, StreamConfig } from 'nats';

/** Makes the stream, or brings an older one up to date. */
export async function ensureStream(
  manager: JetStreamManager,
  config: Partial<StreamConfig> & { name: string },
): Promise<void> {
  try {
    await manager.streams.add(config);
  } catch (error) {
    if (!/name already in use/i.test(String(error))) throw error;
    await manager.streams.update(config.name, config);
  }
}
