import { findNatsServer } from './services/nats.js';

/** Global set-up of the test run: services that tests need are found or fetched here, or the run fails. */
export default async function setup(): Promise<void> {
  findNatsServer();
}
