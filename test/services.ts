import { findNatsServer } from './services/nats.js';
import { findPostgres } from './services/postgres.js';

/** Global set-up of the test run: services that tests need are found or fetched here, or the run fails. */
export default async function setup(): Promise<void> {
  findNatsServer();
  findPostgres();
}
