/** SHA-256 of `bytes` as 64 lower-case hex digits: the name of every artifact. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return Array.from(await digest(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** The header `repr-digest` (RFC 9530) of a body that is `bytes`. */
export async function reprDigest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return `sha-256=:${btoa(String.fromCharCode(...(await digest(bytes))))}:`
}

const digest = async (bytes: Uint8Array<ArrayBuffer>) =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
