// Names of Node in the types of packages. The tests have Node's own types.

/** Bytes, which the types of tus-js-client name. */
interface Buffer {}
