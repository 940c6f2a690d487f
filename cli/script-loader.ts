import { register } from 'node:module';

// Loaded before a script of `volley run`, after tsx: the hook registered last is asked first.
register('./script-hooks.js', import.meta.url);
