import { register } from 'node:module';

// Loaded before tsx, which then is asked first and takes the formats this hook tells.
register('./script-hooks.js', import.meta.url);
