/**
 * Trusted Types: where the policy of a page or worker asks for them, an address becomes code only by way of this. It lets
 * through what the app is built from, and no text made at run time.
 */

/** As much of the standard's as is used here. */
interface Policy {
  createScriptURL(address: string): string
}
interface Factory {
  createPolicy(name: string, rules: Policy): Policy
}

/** The files that are started as workers, as vite.config.ts names them. */
const BUILT = /^\/(assets\/(device|trainer)-[\w-]+\.js|sw\.js)$/

/** Throws `TypeError` for what is no worker of ours on `origin`; the development server has other names for them. */
export function checkAddress(address: string, origin: string, development = false): string {
  const { origin: from, pathname } = new URL(address, origin)
  if (from === origin && (development || BUILT.test(pathname))) return address
  throw new TypeError(`${address} is no script of this app.`)
}

let policy: Policy | undefined

/** To be given to `new Worker` and `serviceWorker.register`, whose types know only text. */
export function scriptAddress(address: string): string {
  policy ??= createPolicy()
  return policy.createScriptURL(address)
}

function createPolicy(): Policy {
  const rules: Policy = {
    createScriptURL: (address) => checkAddress(address, location.origin, import.meta.env.DEV),
  }
  const { trustedTypes } = globalThis as { trustedTypes?: Factory }
  return trustedTypes?.createPolicy('kindred', rules) ?? rules
}
