/** All that is served unencrypted in a local network: a page, and the certificate that it is about. */
import { createHash } from 'node:crypto'
import { Hono } from 'hono'
import { problem } from '../http/problem.ts'
import type { Authority } from './authority.ts'
import { CERTIFICATE, GUIDE_CSS, GUIDE_SCRIPT, guidePage, PROFILE, platformOf } from './guide-page.ts'
import { profileOf } from './profile.ts'

export interface GuideDeps {
  readonly authority: () => Pick<Authority, 'root' | 'permitted'>
  /** What the machine is called in its network, as `studio.local`. */
  readonly name: string
  /** Where the app is, by the machine's address. */
  readonly app: string
}

const sourceOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

export function createGuide({ authority, name, app }: GuideDeps) {
  const short = name.replace(/\.local$/, '')
  /** Who came by the machine's name goes on by it; any other name that is said might be anybody's. */
  const appFor = (host: string | undefined) => {
    const url = new URL(app)
    if (host?.replace(/:\d+$/, '').toLowerCase() === name) url.hostname = name
    return url.origin
  }
  const guide = new Hono().notFound((c) => problem(c, 404, 'Here is only the guide, at /.'))
  guide.use(async (c, next) => {
    await next()
    for (const [header, value] of Object.entries(HEADERS)) c.header(header, value)
  })
  return guide
    .get('/', (c) => {
      const { root, permitted } = authority()
      const to = appFor(c.req.header('host'))
      c.header('content-security-policy', policy(to))
      return c.html(
        guidePage({
          name: short,
          title: `Kindred on ${short}`,
          app: to,
          fingerprint: root.fingerprint256,
          permitted,
          platform: platformOf(c.req.header('user-agent')),
        }),
      )
    })
    .get(CERTIFICATE, (c) =>
      c.body(new Uint8Array(authority().root.raw), 200, {
        'content-type': 'application/x-x509-ca-cert',
        'content-disposition': 'attachment; filename="kindred-ca.crt"',
      }),
    )
    .get(PROFILE, (c) => {
      const { root, permitted } = authority()
      return c.body(profileOf(root, short, permitted), 200, {
        'content-type': 'application/x-apple-aspen-config',
        'content-disposition': 'attachment; filename="kindred-ca.mobileconfig"',
      })
    })
}

const HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
}

/** A policy has no way to write an IPv6 address. */
const policy = (app: string): string =>
  [
    "default-src 'none'",
    `style-src ${sourceOf(GUIDE_CSS)}`,
    `script-src ${sourceOf(GUIDE_SCRIPT)}`,
    `connect-src ${app.includes('[') ? 'https:' : app}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
