/** The addresses of this machine that a phone beside it can reach. */
import { BlockList, isIP } from 'node:net'
import type { NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import { AppError } from '../../shared/failure.ts'

export interface LanAddress {
  readonly address: string
  /** The network that it lies in, as `192.168.1.0/24`. */
  readonly network: string
  /** What the system calls the interface, as `en0`. */
  readonly link: string
}

type Interfaces = ReturnType<typeof networkInterfaces>

/** RFC 1918, RFC 3927, RFC 6598; RFC 4193. What anyone in the world can reach is served only where it is named. */
const PRIVATE = new BlockList()
for (const [network, bits] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
  ['100.64.0.0', 10],
] as const)
  PRIVATE.addSubnet(network, bits, 'ipv4')
PRIVATE.addSubnet('fc00::', 7, 'ipv6')

/** Networks within the machine: of containers and virtual machines. */
const WITHIN = /^(docker|br-|veth|virbr|vmnet|vboxnet|cni|flannel|lxc|lxd|podman|VirtualBox|VMware|vEthernet)/

/**
 * Those that `named` says, or else every private one, IPv6 only where a link has no other. Throws `bad-input` where there is
 * none, or where one that is named is not this machine's.
 */
export function lanAddresses(
  interfaces: Interfaces,
  named: readonly string[] = [],
): readonly [LanAddress, ...LanAddress[]] {
  const all = Object.entries(interfaces).flatMap(([link, infos = []]) => infos.map((info) => of(link, info)))
  const found = named.length > 0 ? named.map((one) => pick(all, one)) : useful(all)
  const [first, ...rest] = found
  if (first === undefined)
    throw new AppError(
      'bad-input',
      `This machine is in no local network that a phone could be in, too: connect it to one, or name an address after --lan (it has ${list(all)}).`,
    )
  return [first, ...rest]
}

function pick(all: readonly Found[], named: string): Found {
  const found = all.find(({ address }) => address === named)
  if (!found)
    throw new AppError('bad-input', `${named} is no address of this machine, which has ${list(all)}.`)
  return found
}

interface Found extends LanAddress {
  readonly internal: boolean
}

function useful(all: readonly Found[]): Found[] {
  const near = all.filter(
    ({ address, link, internal }) =>
      !internal && !WITHIN.test(link) && PRIVATE.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6'),
  )
  const fours = near.filter(({ address }) => isIP(address) === 4)
  const links = new Set(fours.map(({ link }) => link))
  return [...fours, ...near.filter(({ link, address }) => isIP(address) === 6 && !links.has(link))]
}

const of = (link: string, { address, netmask, internal }: NetworkInterfaceInfo): Found => ({
  address,
  network: networkOf(address, netmask),
  link,
  internal,
})

const list = (all: readonly Found[]): string =>
  all.map(({ address, link }) => `${address} (${link})`).join(', ') || 'none'

/** The network of an address, in CIDR notation; its own bits are zero. */
export function networkOf(address: string, netmask: string): string {
  const mask = bytesOf(netmask)
  const masked = bytesOf(address).map((byte, i) => byte & mask[i]!)
  const bits = mask.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0)
  if (isIP(address) === 4) return `${masked.join('.')}/${bits}`
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((masked[2 * i]! << 8) | masked[2 * i + 1]!).toString(16),
  )
  // As a URL writes it: the longest run of zeros is left out (RFC 5952).
  return `${new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)}/${bits}`
}

function bytesOf(address: string): number[] {
  if (isIP(address) === 4) return address.split('.').map(Number)
  const [head = '', tail] = address.split('%')[0]!.split('::', 2)
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array<string>(8 - left.length - right.length).fill('0')
  return [...left, ...zeros, ...right].flatMap((group) => {
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 255]
  })
}
