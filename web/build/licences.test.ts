import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { notice, packageOf } from './licences.ts'

describe('whose a module is', () => {
  it.each([
    ['/a/node_modules/preact/dist/preact.mjs', '/a/node_modules/preact'],
    ['/a/node_modules/@noble/ed25519/index.js', '/a/node_modules/@noble/ed25519'],
    ['/a/node_modules/x/node_modules/long/long.js', '/a/node_modules/x/node_modules/long'],
    ['\0/a/node_modules/long/long.js?commonjs-es-import', '/a/node_modules/long'],
    ['/a/web/main.tsx', null],
    ['\0vite/preload-helper.js', null],
  ])('%s', (module, folder) => expect(packageOf(module)).toBe(folder))
})

describe('what is said of a package', () => {
  let folder = ''
  afterEach(() => rm(folder, { recursive: true, force: true }))

  async function made(files: Record<string, string>): Promise<string> {
    folder = await mkdtemp(join(tmpdir(), 'kindred-licences-'))
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
    return folder
  }

  it('is its name, its version, its licence, and all that it says of that itself', async () => {
    const about = JSON.stringify({ name: 'long', version: '4.0.0', license: 'Apache-2.0' })
    const files = { 'package.json': about, LICENSE: 'May be used.\n', NOTICE: 'By us.', 'index.js': '1' }
    expect(await notice(await made(files))).toBe('long 4.0.0 (Apache-2.0)\n\nMay be used.\n\nBy us.')
  })

  it('is that nothing is known, where a package says nothing', async () => {
    const about = JSON.stringify({ name: 'bare', version: '1.0.0' })
    expect(await notice(await made({ 'package.json': about }))).toBe('bare 1.0.0 (unknown)')
  })
})
