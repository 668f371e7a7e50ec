/** For tests: a certificate that is its own authority, for `localhost`, valid for a century (X.509, in DER by hand). */
import { generateKeyPairSync, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Tls } from './listen.ts'

function tlv(tag: number, ...parts: (Buffer | number[])[]): Buffer {
  const value = Buffer.concat(parts.map((part) => Buffer.from(part)))
  const { length } = value
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...head]), value])
}
const sequence = (...parts: (Buffer | number[])[]) => tlv(0x30, ...parts)
const text = (tag: number, value: string) => tlv(tag, Buffer.from(value))

/** ecdsa-with-SHA256, commonName, subjectAltName */
const ECDSA = sequence(tlv(6, [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]))
const COMMON_NAME = tlv(6, [0x55, 4, 3])
const ALT_NAME = tlv(6, [0x55, 0x1d, 0x11])

/** Writes certificate and key into `folder`; `serial` tells one from another. */
export function makeCertificate(folder: string, serial: number): Tls {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = sequence(tlv(0x31, sequence(COMMON_NAME, text(0x0c, 'localhost'))))
  const validity = sequence(text(0x18, '20200101000000Z'), text(0x18, '21200101000000Z'))
  const names = tlv(4, sequence(text(0x82, 'localhost')))
  const body = sequence(
    tlv(0xa0, tlv(2, [2])),
    tlv(2, [serial]),
    ECDSA,
    name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(sequence(ALT_NAME, names))),
  )
  const der = sequence(body, ECDSA, tlv(3, [0], sign('sha256', body, privateKey)))
  const cert = join(folder, 'cert.pem')
  const key = join(folder, 'key.pem')
  const base64 = der.toString('base64').replace(/(.{64})/g, '$1\n')
  writeFileSync(cert, `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`)
  writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }))
  return { cert, key }
}
