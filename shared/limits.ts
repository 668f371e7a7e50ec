/** What is agreed between device and server in plain numbers: without schemas, for a service worker that must be small. */

/** Most events that one upload may carry. */
export const MAX_EVENTS = 2000
