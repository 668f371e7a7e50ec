/** What a device is known by in its browser, to each version of each of its workers. */

/** Renaming this abandons what users have stored. */
export const DB_NAME = 'kindred'
/** Held while a tab, or the service worker, contacts the server: over all of them, one does at a time. */
export const CONTACT_LOCK = 'kindred:contact'
