/** What the terminal says to who wants the app on a phone. */
import { renderUnicodeCompact } from 'uqr'
import type { Authority } from './authority.ts'
import { rowsOf } from './guide-page.ts'

export interface Invitation {
  /** Where the guide is, one URL for each network. */
  readonly guides: readonly string[]
  readonly authority: Authority
  /** Whether the terminal knows colours: a code is read the more surely if it is black on white. */
  readonly colours: boolean
}

export function invitation({ guides, authority, colours }: Invitation): string {
  const { root, permitted, folder } = authority
  return [
    ...guides.flatMap((url) => [
      `On a phone in the same network, scan this or open ${url}`,
      code(url, colours),
    ]),
    'The guide there asks you to trust a certificate. Compare what the phone shows of it with its SHA-256 fingerprint:',
    ...rowsOf(root.fingerprint256).map((row) => `  ${row}`),
    `It vouches for ${permitted.join(', ')} only; its key is in ${folder}.`,
    '',
  ].join('\n')
}

/** Light modules are drawn, so that it is right on a dark terminal also without colours. */
const code = (url: string, colours: boolean): string =>
  renderUnicodeCompact(url, { border: 2, ecc: 'M' })
    .split('\n')
    .map((line) => (colours ? `\u001b[97;40m${line}\u001b[0m` : line))
    .join('\n')
