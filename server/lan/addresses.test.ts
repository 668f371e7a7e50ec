import type { NetworkInterfaceInfo } from 'node:os'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lanAddresses, networkOf } from './addresses.ts'

const four = (address: string, netmask = '255.255.255.0', internal = false): NetworkInterfaceInfo => ({
  family: 'IPv4',
  address,
  netmask,
  internal,
  mac: '00:00:00:00:00:00',
  cidr: null,
})
const six = (address: string, internal = false): NetworkInterfaceInfo => ({
  family: 'IPv6',
  address,
  netmask: 'ffff:ffff:ffff:ffff::',
  internal,
  mac: '00:00:00:00:00:00',
  cidr: null,
  scopeid: 0,
})
const LOOP = { lo: [four('127.0.0.1', '255.0.0.0', true), six('::1', true)] }

describe('the addresses of a machine that a phone can reach', () => {
  it('are private ones, of links that lead out of the machine, IPv6 only where there is no other', () => {
    const found = lanAddresses({
      ...LOOP,
      en0: [six('fe80::1'), four('192.168.1.23'), six('fd00:1:2:3::23')],
      en1: [six('2001:db8::5'), six('fd00:9::5')],
      en2: [four('203.0.113.7')],
      tailscale0: [four('100.101.102.103', '255.255.255.255')],
      docker0: [four('172.17.0.1', '255.255.0.0')],
      'br-5f2a': [four('172.18.0.1', '255.255.0.0')],
      'vEthernet (WSL)': [four('172.28.0.1', '255.255.240.0')],
    })
    expect(found).toEqual([
      { address: '192.168.1.23', network: '192.168.1.0/24', link: 'en0', internal: false },
      { address: '100.101.102.103', network: '100.101.102.103/32', link: 'tailscale0', internal: false },
      { address: 'fd00:9::5', network: 'fd00:9::/64', link: 'en1', internal: false },
    ])
  })

  it.each([
    ['10.0.0.1', true],
    ['172.15.0.1', false],
    ['172.16.0.1', true],
    ['172.31.255.1', true],
    ['172.32.0.1', false],
    ['192.168.0.1', true],
    ['169.254.7.7', true],
    ['192.0.2.2', false],
    ['8.8.8.8', false],
  ])('%s is one: %s', (address, isOne) => {
    const find = () => lanAddresses({ eth0: [four(address)] })
    if (isOne) expect(find()).toHaveLength(1)
    else expect(find).toThrow(/in no local network.*--lan \(it has .*eth0/)
  })

  it('are those that are named, whatever they are, if the machine has them', () => {
    const interfaces = { ...LOOP, en2: [four('203.0.113.7')], en0: [four('192.168.1.23')] }
    expect(lanAddresses(interfaces, ['203.0.113.7', '127.0.0.1']).map(({ network }) => network)).toEqual([
      '203.0.113.0/24',
      '127.0.0.0/8',
    ])
    expect(() => lanAddresses(interfaces, ['192.168.1.24'])).toThrow(
      '192.168.1.24 is no address of this machine, which has 127.0.0.1 (lo), ::1 (lo), 203.0.113.7 (en2), 192.168.1.23 (en0).',
    )
  })

  it('none of nothing is said in a sentence', () => {
    expect(() => lanAddresses({})).toThrow(/connect it to one.*\(it has none\)/)
  })

  it('lie in a network whose other bits are zero, as arithmetic on whole numbers has it', () => {
    const maskOf = (bits: number) => (2n ** 32n - 1n) ^ (2n ** BigInt(32 - bits) - 1n)
    const dotted = (value: bigint) => [24n, 16n, 8n, 0n].map((by) => (value >> by) & 255n).join('.')
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }),
        fc.integer({ min: 1, max: 32 }),
        (value, bits) => {
          expect(networkOf(dotted(value), dotted(maskOf(bits)))).toBe(
            `${dotted(value & maskOf(bits))}/${bits}`,
          )
        },
      ),
      { seed: 1 },
    )
    expect(networkOf('fd12:3456:789a:1::beef', 'ffff:ffff:ffff:ffff::')).toBe('fd12:3456:789a:1::/64')
    expect(networkOf('fe80::1%en0', 'ffff:ffff:ffff:ffff::')).toBe('fe80::/64')
  })
})
