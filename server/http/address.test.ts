import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { createAddressOf } from './address.ts'

/** What a request is counted by that comes from `peer` with what its header says. */
async function counted(proxies: readonly string[], peer: string, forwarded?: string): Promise<string> {
  const addressOf = createAddressOf(proxies)
  const app = new Hono().get('/', (c) => c.text(addressOf(c)))
  const env = { incoming: { socket: { remoteAddress: peer, remotePort: 1, remoteFamily: 'IPv4' } } }
  const headers: Record<string, string> = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
  return (await app.request('/', { headers }, env)).text()
}

describe('the address that limits count by', () => {
  it('is the other end of the connection, whatever the request says', async () => {
    expect(await counted([], '203.0.113.9', '10.0.0.1')).toBe('203.0.113.9')
    expect(await counted(['10.0.0.0/8'], '203.0.113.9', '198.51.100.1')).toBe('203.0.113.9')
  })

  it.each([
    ['one proxy', ['10.0.0.0/8'], '10.1.2.3', '198.51.100.1', '198.51.100.1'],
    ['two proxies', ['10.0.0.0/8', '192.0.2.7'], '10.1.2.3', '198.51.100.1, 192.0.2.7', '198.51.100.1'],
    [
      'a proxy, and what the sender made up',
      ['10.0.0.0/8'],
      '10.1.2.3',
      '1.1.1.1, 198.51.100.1',
      '198.51.100.1',
    ],
    ['a proxy that says nothing', ['10.0.0.0/8'], '10.1.2.3', undefined, '10.1.2.3'],
    ['a proxy that says nonsense', ['10.0.0.0/8'], '10.1.2.3', 'unknown', '10.1.2.3'],
    ['a proxy by IPv6', ['::1'], '::1', '198.51.100.1', '198.51.100.1'],
    ['a proxy by IPv4 in IPv6', ['127.0.0.1'], '::ffff:127.0.0.1', '198.51.100.1', '198.51.100.1'],
  ])('through %s is what the last of them saw', async (_, proxies, peer, forwarded, expected) => {
    expect(await counted(proxies, peer, forwarded)).toBe(expected)
  })

  it('is one for all of an IPv6 network, and for an IPv4 address however it is written', async () => {
    const one = await counted([], '2001:db8:1:2:3:4:5:6')
    expect(await counted([], '2001:db8:1:2::ffff')).toBe(one)
    expect(await counted([], '2001:db8:1:3::1')).not.toBe(one)
    expect(await counted([], '2001:db8::1')).toBe('2001:db8:0:0')
    expect(await counted([], '::1')).toBe('0:0:0:0')
    expect(await counted([], '::ffff:192.0.2.1')).toBe('192.0.2.1')
  })

  it.each(['example.org', '10.0.0.0/33', '10.0.0.0/x', '::1/129', '10.0.0.0/', ''])(
    '%j is no proxy',
    (proxy) => {
      expect(() => createAddressOf([proxy])).toThrow(/trusted proxy/)
    },
  )
})
