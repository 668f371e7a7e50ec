/** Ed25519 (RFC 8032): by the platform where that has it, else by a library. */
import * as noble from '@noble/ed25519'

type Bytes = Uint8Array<ArrayBuffer>

/** Keys are of 32 bytes, signatures of 64. */
export interface Ed25519 {
  readonly name: 'platform' | 'library'
  publicKey(secret: Bytes): Promise<Bytes>
  sign(secret: Bytes, message: Bytes): Promise<Bytes>
  /** False, too, for what is no key or no signature. */
  verify(publicKey: Bytes, signature: Bytes, message: Bytes): Promise<boolean>
}

export const byLibrary: Ed25519 = {
  name: 'library',
  publicKey: async (secret) => Uint8Array.from(await noble.getPublicKeyAsync(secret)),
  sign: async (secret, message) => Uint8Array.from(await noble.signAsync(message, secret)),
  async verify(publicKey, signature, message) {
    try {
      // As RFC 8032 has it, which is stricter than ZIP 215.
      return await noble.verifyAsync(signature, message, publicKey, { zip215: false })
    } catch {
      return false
    }
  },
}

const NAME = { name: 'Ed25519' }
/** What stands before the secret in PKCS #8 (RFC 8410 §7). */
const PKCS8 = Uint8Array.from([48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32])
const privateKey = (secret: Bytes) =>
  crypto.subtle.importKey('pkcs8', Uint8Array.from([...PKCS8, ...secret]), NAME, true, ['sign'])

export const byPlatform: Ed25519 = {
  name: 'platform',
  async publicKey(secret) {
    const { x } = await crypto.subtle.exportKey('jwk', await privateKey(secret))
    return Uint8Array.from(atob(x!.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))
  },
  sign: async (secret, message) =>
    new Uint8Array(await crypto.subtle.sign(NAME, await privateKey(secret), message)),
  async verify(publicKey, signature, message) {
    try {
      const key = await crypto.subtle.importKey('raw', publicKey, NAME, false, ['verify'])
      return await crypto.subtle.verify(NAME, key, signature, message)
    } catch {
      return false
    }
  },
}

let chosen: Promise<Ed25519> | undefined

/** The platform's, if it signs and verifies; asked once. */
export function ed25519(): Promise<Ed25519> {
  chosen ??= works(byPlatform).then((platform) => (platform ? byPlatform : byLibrary))
  return chosen
}

async function works({ publicKey, sign, verify }: Ed25519): Promise<boolean> {
  try {
    const [secret, message] = [new Uint8Array(32).fill(7), new Uint8Array(8)]
    return await verify(await publicKey(secret), await sign(secret, message), message)
  } catch {
    return false
  }
}

export const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/** `hex` has an even number of digits and nothing else. */
export const fromHex = (hex: string): Bytes =>
  Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16))
