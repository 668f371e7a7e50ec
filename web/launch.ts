/** What the home screen asks of a window that is open already: the manifest has it shown, not loaded anew. */

/** Chromium's; not in TypeScript's DOM. */
interface LaunchQueue {
  setConsumer(consumer: (launch: { readonly targetURL?: string }) => void): void
}

/** Goes to the view that a shortcut names. An address without a view is the app's own icon: it stays where it is. */
export function followLaunches(page: Window & { launchQueue?: LaunchQueue }): void {
  page.launchQueue?.setConsumer(({ targetURL }) => {
    const { hash, origin } = new URL(targetURL ?? page.location.href)
    if (origin === page.location.origin && hash) page.location.hash = hash
  })
}
