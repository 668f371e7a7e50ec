import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { createCountryOf } from './country.ts'

/** What is taken for the country of a request that comes from `peer` with these headers. */
async function found(
  peer: string | undefined,
  headers: Record<string, string> | [string, string][],
): Promise<string> {
  const countryOf = createCountryOf('CF-IPCountry', ['10.0.0.0/8'])
  const app = new Hono().get('/', (c) => c.text(countryOf(c) ?? 'unknown'))
  const env = peer === undefined ? {} : { incoming: { socket: { remoteAddress: peer } } }
  return (await app.request('/', { headers }, env)).text()
}

describe('the country of a request', () => {
  it.each([
    ['DE', 'DE'],
    ['de', 'DE'],
    [' fr ', 'FR'],
  ])('is what the proxy says: %j is %s', async (said, expected) => {
    expect(await found('10.1.2.3', { 'cf-ipcountry': said })).toBe(expected)
    expect(await found('::ffff:10.1.2.3', { 'CF-IPCOUNTRY': said })).toBe(expected)
  })

  it.each([
    '',
    'XX',
    'xx',
    'ZZ',
    'T1',
    'A1',
    'DEU',
    'D',
    'Germany',
    'D E',
    'ÄÖ',
    'ﬀ',
    'ı1',
    '{"a":1}',
    'DE;q=1',
  ])('is not known where that is %j', async (said) => {
    const headers = { 'cf-ipcountry': Buffer.from(said).toString('latin1') }
    expect(await found('10.1.2.3', headers)).toBe('unknown')
  })

  it('is not known where another header says it, or nobody', async () => {
    expect(await found('10.1.2.3', {})).toBe('unknown')
    expect(await found('10.1.2.3', { 'x-appengine-country': 'DE' })).toBe('unknown')
  })

  it('is not known where the sender’s word stands beside the proxy’s', async () => {
    const headers: [string, string][] = [
      ['cf-ipcountry', 'FR'],
      ['cf-ipcountry', 'DE'],
    ]
    expect(await found('10.1.2.3', headers)).toBe('unknown')
  })

  it('is nothing that anybody else may say', async () => {
    for (const peer of ['203.0.113.9', '11.0.0.1', '::1', undefined])
      expect(await found(peer, { 'cf-ipcountry': 'DE', 'x-forwarded-for': '10.1.2.3' })).toBe('unknown')
  })
})
