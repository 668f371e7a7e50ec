import { describe, expect, it } from 'vitest'
import { checkAddress } from './trusted.ts'

const here = 'https://kindred.example'

describe('the address of a script', () => {
  it.each(['/assets/device-CiKf-hEc.js', `${here}/assets/trainer-BD_3x-9.js`, '/sw.js'])(
    '%s is let through as it is',
    (address) => {
      expect(checkAddress(address, here)).toBe(address)
    },
  )

  it.each([
    'https://evil.example/assets/device-CiKf-hEc.js',
    '//evil.example/sw.js',
    'data:text/javascript,1',
    'blob:https://kindred.example/6f1b',
    '/artifacts/aa.js',
    '/assets/device-../../api/x.js',
    '/assets/index-Dld_W9sH.js',
    '/sw.js/..%2fx',
  ])('%s is refused', (address) => {
    expect(() => checkAddress(address, here)).toThrow(TypeError)
  })

  it('is any of ours in development, where nothing is built', () => {
    expect(checkAddress('/worker/device/index.ts?worker_file', here, true)).toBeTypeOf('string')
    expect(() => checkAddress('https://evil.example/x.js', here, true)).toThrow(TypeError)
  })
})
