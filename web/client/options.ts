/** The options of `createKindred`, checked. */
import { AppError } from '../../shared/error.ts'
import type { KindredOptions } from './api.ts'

/** What the worker is told by its name (`worker/options.ts`). */
export function workerName({ server, files, root, token, account }: KindredOptions, base: string): string {
  const said = new URLSearchParams({ server: addressOf(server ?? '/', base, 'server') })
  if (files !== undefined) said.set('static', addressOf(files, base, 'files'))
  if (root !== undefined && !/^[0-9a-f]{64}$/.test(root))
    throw new AppError('bad-input', 'The option root is no SHA-256 in hex.')
  if (root !== undefined) said.set('root', root)
  if (account === '') throw new AppError('bad-input', 'The option account must not be empty.')
  if (account !== undefined) said.set('account', account)
  if (token) said.set('signs-in', '')
  return said.toString()
}

/** Throws `bad-input` for what is no address of HTTP; `base` is the page's. */
export function addressOf(given: string | URL, base: string, option: string): string {
  if (URL.canParse(given, base)) {
    const { protocol, href } = new URL(given, base)
    if (/^https?:$/.test(protocol)) return href
  }
  throw new AppError('bad-input', `The option ${option} is no address of HTTP: ${given}`)
}
