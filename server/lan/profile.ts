/** An authority's certificate as iOS and iPadOS take it: a configuration profile. */
import { createHash, type X509Certificate } from 'node:crypto'

const TEXT: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }
const escaped = (text: string): string => text.replace(/[&<>]/g, (one) => TEXT[one]!)

/** The same certificate is the same profile: installed again it takes the other's place. */
export function profileOf(root: X509Certificate, name: string, permitted: readonly string[]): string {
  const title = escaped(`Kindred on ${name}`)
  const what = escaped(`Lets this device trust Kindred at ${permitted.join(', ')}, and nothing else.`)
  const fingerprint = root.fingerprint256.replaceAll(':', '').toLowerCase()
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>PayloadType</key><string>Configuration</string>
  <key>PayloadVersion</key><integer>1</integer>
  <key>PayloadIdentifier</key><string>kindred.lan.${fingerprint.slice(0, 16)}</string>
  <key>PayloadUUID</key><string>${uuidOf(`profile ${fingerprint}`)}</string>
  <key>PayloadDisplayName</key><string>${title}</string>
  <key>PayloadDescription</key><string>${what}</string>
  <key>PayloadContent</key>
  <array>
    <dict>
      <key>PayloadType</key><string>com.apple.security.root</string>
      <key>PayloadVersion</key><integer>1</integer>
      <key>PayloadIdentifier</key><string>kindred.lan.${fingerprint.slice(0, 16)}.root</string>
      <key>PayloadUUID</key><string>${uuidOf(`root ${fingerprint}`)}</string>
      <key>PayloadDisplayName</key><string>${title}</string>
      <key>PayloadCertificateFileName</key><string>kindred-ca.crt</string>
      <key>PayloadContent</key>
      <data>${root.raw.toString('base64')}</data>
    </dict>
  </array>
</dict>
</plist>
`
}

/** RFC 9562 §5.8: made from a text. */
function uuidOf(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x80
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex').toUpperCase()
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
