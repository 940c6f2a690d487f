/** The text is not of the language of kernels: it runs as JavaScript. */
export class Untranslatable extends Error {}
