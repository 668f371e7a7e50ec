import { secureHeaders } from 'hono/secure-headers'

/** No text becomes code or a script's address but by a policy of that name, where there is one. */
const TRUSTED = { requireTrustedTypesFor: ["'script'"] }

/** What a page of ours may load and do: itself, WebAssembly, pictures that it makes; and ask `servers` elsewhere. */
export const pageHeaders = (servers: readonly string[] = []) =>
  secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'self'"],
      scriptSrc: ["'self'", "'wasm-unsafe-eval'"],
      workerSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'", 'data:', 'blob:'],
      connectSrc: ["'self'", ...servers],
      manifestSrc: ["'self'"],
      objectSrc: ["'none'"],
      baseUri: ["'none'"],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
      ...TRUSTED,
      trustedTypes: ['kindred'],
    },
    referrerPolicy: 'no-referrer',
    xFrameOptions: 'DENY',
    permissionsPolicy: { camera: [], microphone: [], geolocation: [], payment: [], usb: [] },
  })

/**
 * What the trainer's worker may do, where tasks' scripts run: load its own engines, WebAssembly, and the script, which it has as
 * bytes; not one request beyond. `blob:` is of use only to who can make such an address: that is gone before a script is there.
 */
export const trainerHeaders = () =>
  secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'", 'blob:', "'wasm-unsafe-eval'"],
      connectSrc: ["'none'"],
      ...TRUSTED,
      trustedTypes: ["'none'"],
    },
    referrerPolicy: 'no-referrer',
  })
