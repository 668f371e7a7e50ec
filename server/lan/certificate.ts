/** X.509 (RFC 5280) as far as a local authority needs it: P-256 keys, ECDSA with SHA-256. */
import { createHash, createPublicKey, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  GeneralSubtree,
  GeneralSubtrees,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_nameConstraints,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_kp_serverAuth,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  Name,
  NameConstraints,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509'

const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2'
const COMMON_NAME = '2.5.4.3'
const ORGANISATION = '2.5.4.10'

export interface Wanted {
  /** Its common name, for people. */
  readonly name: string
  /**
   * An authority vouches for names and networks (`studio.local`, `192.168.1.0/24`) and has so many authorities below it; a
   * server has names and addresses.
   */
  readonly use:
    | { readonly authority: readonly string[]; readonly below: number }
    | { readonly server: readonly string[] }
  /** ms since the Unix epoch */
  readonly from: number
  readonly until: number
  readonly key: KeyObject
  /** Who signs; without it, its own key. */
  readonly by?: Signer
}

export interface Signer {
  readonly certificate: X509Certificate
  readonly key: KeyObject
}

export function makeCertificate({ name, use, from, until, key, by }: Wanted): X509Certificate {
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const own = AsnConvert.parse(publicKey, SubjectPublicKeyInfo)
  const issuer = by && AsnConvert.parse(by.certificate.raw, Certificate).tbsCertificate
  const subject = nameOf(name)
  const algorithm = new AlgorithmIdentifier({ algorithm: ECDSA_WITH_SHA256 })
  const body = new TBSCertificate({
    version: Version.v3,
    serialNumber: serialNumber(),
    signature: algorithm,
    issuer: issuer?.subject ?? subject,
    validity: new Validity({ notBefore: new Date(from), notAfter: new Date(until) }),
    subject,
    subjectPublicKeyInfo: own,
    extensions: new Extensions([
      ...('authority' in use ? ofAuthority(use) : ofServer(use.server)),
      // Some systems refuse a purpose in what they are to trust by itself.
      ...(by ? [FOR_SERVERS] : []),
      extension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(identifier(own))),
      extension(
        id_ce_authorityKeyIdentifier,
        new AuthorityKeyIdentifier({
          keyIdentifier: new KeyIdentifier(identifier(issuer?.subjectPublicKeyInfo ?? own)),
        }),
      ),
    ]),
  })
  const signed = new Certificate({
    tbsCertificate: body,
    signatureAlgorithm: algorithm,
    signatureValue: bytes(sign('sha256', Buffer.from(AsnConvert.serialize(body)), by?.key ?? key)),
  })
  return new X509Certificate(Buffer.from(AsnConvert.serialize(signed)))
}

function ofAuthority({ authority, below }: { authority: readonly string[]; below: number }): Extension[] {
  const permitted = authority.map((one) => new GeneralSubtree({ base: generalName(one) }))
  return [
    extension(id_ce_basicConstraints, new BasicConstraints({ cA: true, pathLenConstraint: below }), true),
    extension(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.keyCertSign), true),
    extension(
      id_ce_nameConstraints,
      new NameConstraints({ permittedSubtrees: new GeneralSubtrees(permitted) }),
      true,
    ),
  ]
}

const ofServer = (names: readonly string[]): Extension[] => [
  extension(id_ce_basicConstraints, new BasicConstraints({ cA: false }), true),
  extension(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.digitalSignature), true),
  extension(id_ce_subjectAltName, new SubjectAlternativeName(names.map(generalName))),
]

/** What a certificate of `makeCertificate` that is an authority may vouch for, as it was given. */
export function permittedBy({ raw }: X509Certificate): string[] {
  const { extensions = [] } = AsnConvert.parse(raw, Certificate).tbsCertificate
  const found = extensions.find(({ extnID }) => extnID === id_ce_nameConstraints)
  if (!found) return []
  const { permittedSubtrees = [] } = AsnConvert.parse(found.extnValue.buffer, NameConstraints)
  return [...permittedSubtrees].flatMap(({ base }) => base.dNSName ?? base.iPAddress ?? [])
}

const extension = (extnID: string, value: object, critical = false): Extension =>
  new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) })

const FOR_SERVERS = extension(id_ce_extKeyUsage, new ExtendedKeyUsage([id_kp_serverAuth]))

const generalName = (name: string): GeneralName =>
  isIP(name.split('/')[0]!) === 0 ? new GeneralName({ dNSName: name }) : new GeneralName({ iPAddress: name })

function nameOf(name: string): Name {
  const part = (type: string, text: string) =>
    new RelativeDistinguishedName([
      new AttributeTypeAndValue({ type, value: new AttributeValue({ utf8String: text }) }),
    ])
  return new Name([part(ORGANISATION, 'Kindred on a local network'), part(COMMON_NAME, name)])
}

/** Random, positive, and without a leading zero byte. [16] */
function serialNumber(): ArrayBuffer {
  const serial = randomBytes(16)
  serial[0] = (serial[0]! & 0x3f) | 0x40
  return bytes(serial)
}

/** RFC 5280 §4.2.1.2, method 1: it need tell keys apart, and keep no secret. */
const identifier = ({ subjectPublicKey }: SubjectPublicKeyInfo): ArrayBuffer =>
  bytes(createHash('sha1').update(Buffer.from(subjectPublicKey)).digest())

const bytes = (buffer: Buffer): ArrayBuffer => new Uint8Array(buffer).buffer
