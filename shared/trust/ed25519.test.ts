import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { byLibrary, byPlatform, ed25519, fromHex, toHex } from './ed25519.ts'

/** RFC 8032 §7.1, tests 1 to 3: secret, public key, message, signature. */
const vectors = [
  [
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
] as const

describe.each([byLibrary, byPlatform])('Ed25519 by the $name', (by) => {
  it.each(vectors)('has keys and signatures of RFC 8032: %s', async (secret, key, message, signature) => {
    expect(toHex(await by.publicKey(fromHex(secret)))).toBe(key)
    expect(toHex(await by.sign(fromHex(secret), fromHex(message)))).toBe(signature)
    expect(await by.verify(fromHex(key), fromHex(signature), fromHex(message))).toBe(true)
  })

  it('does not take a signature, key or message of which a bit is another', async () => {
    const parts = vectors[2].slice(1).map((hex) => fromHex(hex))
    const bit = fc.record({ part: fc.nat(2), bit: fc.nat(511) })
    await fc.assert(
      fc.asyncProperty(bit, async ({ part, bit }) => {
        const [key, message, signature] = parts.map((bytes, i) => {
          const at = (bit >> 3) % bytes.length
          return i === part ? bytes.with(at, bytes[at]! ^ (1 << (bit & 7))) : bytes
        })
        expect(await by.verify(key!, signature!, message!)).toBe(false)
      }),
      { seed: 1, numRuns: 60 },
    )
  })

  it('does not take what is no signature or no key at all', async () => {
    const [key, message, signature] = vectors[1].slice(1).map((hex) => fromHex(hex))
    for (const length of [0, 31, 63, 65])
      expect(await by.verify(key!, new Uint8Array(length), message!)).toBe(false)
    for (const length of [0, 31, 33])
      expect(await by.verify(new Uint8Array(length), signature!, message!)).toBe(false)
    // S + L instead of S: RFC 8032 §5.1.7 has it refused.
    const order = 2n ** 252n + 27742317777372353535851937790883648493n
    const s = signature!.slice(32).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n) + order
    const malleable = Uint8Array.from([
      ...signature!.slice(0, 32),
      ...Array.from({ length: 32 }, (_, i) => Number((s >> BigInt(8 * i)) & 255n)),
    ])
    expect(await by.verify(key!, malleable, message!)).toBe(false)
  })
})

describe('Ed25519', () => {
  it('is the platform’s where that has it, and each takes what the other signs', async () => {
    expect((await ed25519()).name).toBe('platform')
    const secret = new Uint8Array(32).fill(3)
    const message = new TextEncoder().encode('Grüße')
    for (const [one, other] of [
      [byLibrary, byPlatform],
      [byPlatform, byLibrary],
    ] as const)
      expect(
        await other.verify(await other.publicKey(secret), await one.sign(secret, message), message),
      ).toBe(true)
  })
})
