/** What pages and workers of different versions know of each other. */

/**
 * Of what crosses between them (`protocol.ts`). Bump on any change that an older page or worker would misread.
 * 1 first release
 * 2 tabs, conditions and the user's switch
 * 3 whether others may learn from the user's samples
 * 4 rounds that judge by the log-loss, or not at all
 * 5 what the app knows of items
 * 6 why an item stands where it does; what the plots of a round need; traffic by kind; who the user is by a token
 * 7 rounds of delivered tasks, and which of them are active
 */
export const PROTOCOL_VERSION = 7

/** Whoever holds this Web Lock runs a round, or keeps one from beginning: over all tabs there is one at a time. */
export const ROUND_LOCK = 'kindred:round'

/** The tag of the Background Sync by which the service worker is asked to send what waits in the outbox. */
export const OUTBOX_SYNC = 'kindred:outbox'
