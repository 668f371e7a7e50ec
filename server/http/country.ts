/** Which country a request comes from, as far as whoever stands before the server tells it. */
import type { Context } from 'hono'
import { countrySchema } from '../../shared/release/device.ts'
import { createTrusted, peerOf } from './address.ts'

/** Undefined where it is not known. */
export type CountryOf = (c: Context) => string | undefined

/** What proxies say where they know none; what is no code at all (`T1` for Tor, `A1` for hidden addresses) needs no name. */
const NOWHERE = ['XX', 'ZZ']

/**
 * Reads the header `name`, such as `CF-IPCountry`, and only where the connection itself comes from one of `proxies`: anybody can
 * send a header. One that was sent twice says nothing. Throws `bad-input` for a proxy that is no address.
 */
export function createCountryOf(name: string, proxies: readonly string[]): CountryOf {
  const trusted = createTrusted(proxies)
  return (c) => {
    if (!trusted(peerOf(c))) return undefined
    const said = countrySchema.safeParse(c.req.header(name)?.trim().toUpperCase())
    return said.success && !NOWHERE.includes(said.data) ? said.data : undefined
  }
}
