/** Who a request comes from, as far as that can be known. */
import { BlockList, isIP } from 'node:net'
import { getConnInfo } from '@hono/node-server/conninfo'
import type { Context } from 'hono'
import { AppError } from '../../shared/failure.ts'

export type AddressOf = (c: Context) => string

/**
 * Gives the address that limits count by. What a proxy says of others could be anything, so `X-Forwarded-For` is read only
 * where the connection itself comes from one of `proxies` (addresses, or networks as `10.0.0.0/8`): the last address in it
 * that is not one of them. Throws `bad-input` for a proxy that is no address.
 */
export function createAddressOf(proxies: readonly string[] = []): AddressOf {
  if (proxies.length === 0) return (c) => group(peerOf(c))
  const trusted = createTrusted(proxies)
  return (c) => {
    let address = peerOf(c)
    const said = c.req.header('x-forwarded-for')?.split(',') ?? []
    while (trusted(address) && said.length > 0) {
      const before = plain(said.pop()!.trim())
      if (isIP(before) === 0) break
      address = before
    }
    return group(address)
  }
}

/** Whether an address is one of `proxies`. Throws `bad-input` for a proxy that is no address. */
export function createTrusted(proxies: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const proxy of proxies) {
    const [address = '', bits] = proxy.split('/', 2)
    const family = isIP(address)
    const longest = family === 4 ? 32 : 128
    const length = bits === undefined ? longest : Number(bits)
    if (family === 0 || !/^\d+$/.test(bits ?? '0') || length > longest)
      throw new AppError(
        'bad-input',
        `A trusted proxy is an address or a network as 10.0.0.0/8, not ${proxy}.`,
      )
    const type = family === 4 ? 'ipv4' : 'ipv6'
    if (bits === undefined) list.addAddress(address, type)
    else list.addSubnet(address, length, type)
  }
  return (address) => isIP(address) !== 0 && list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6')
}

/** The other end of the connection; empty for a request that came by none, as in tests. */
export function peerOf(c: Context): string {
  try {
    return plain(getConnInfo(c).remote.address ?? '')
  } catch {
    return ''
  }
}

/** An IPv4 address is the same one when it comes over IPv6. */
const plain = (address: string): string =>
  address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address

/** Who has one IPv6 address has the 2⁶⁴ of its network: they count as one. */
function group(address: string): string {
  if (!address.includes(':')) return address
  const [head = '', tail] = address.split('::', 2)
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length
  const parts = [...left, ...Array<string>(Math.max(0, zeros)).fill('0'), ...right]
  return parts.slice(0, 4).join(':')
}
