import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AppError } from '../../shared/failure.ts'
import { HEADERS, headerRules, putApp } from './app-files.ts'
import { openTree, type Tree } from './tree.ts'

const ROOT = 'ab'.repeat(32)
const APP: Record<string, string> = {
  'index.html': '<!doctype html><html><head><title>Kindred</title></head></html>',
  'index.html.gz': 'of the page as it was built',
  'sw.js': 'keep([{"revision":"4020d2c2","url":"index.html"},{"revision":"1","url":"icon.svg"}])',
  'icon.svg': '<svg/>',
  'console.html': 'the operator’s',
  'assets/console/index-1.js': 'the operator’s',
  'assets/index-1.js': 'page',
  'assets/device-1.js': 'device',
  'assets/trainer-1.js': 'trainer',
}

describe('the app on a static host', () => {
  let folder: string
  let tree: Tree
  let order: string[]
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'kindred-app-'))
    for (const [path, text] of Object.entries(APP)) write(join('dist', path), text)
    const opened = openTree(join(folder, 'site'))
    order = []
    tree = {
      ...opened,
      put(path, bytes) {
        order.push(path)
        opened.put(path, bytes)
      },
    }
  })
  afterEach(() => rmSync(folder, { recursive: true }))
  function write(path: string, text: string): void {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  const app = (changes = {}) => ({ dist: join(folder, 'dist'), root: ROOT, ...changes })
  const file = (path: string) => readFileSync(join(folder, 'site', path))

  it('is told where everything is, in a page that the service worker keeps as it is', async () => {
    await putApp(tree, app({ server: 'https://api.example/k&d' }))
    const page = String(file('index.html'))
    const [, content = ''] = /<meta name="kindred" content="([^"]*)"/.exec(page) ?? []
    expect(Object.fromEntries(new URLSearchParams(content.replaceAll('&amp;', '&')))).toEqual({
      static: '/',
      root: ROOT,
      server: 'https://api.example/k&d',
    })
    expect(String(gunzipSync(file('index.html.gz')))).toBe(page)
    const revision = createHash('sha256').update(page).digest('hex').slice(0, 32)
    expect(String(file('sw.js'))).toBe(APP['sw.js']!.replace('4020d2c2', revision))
  })

  it('is written so that nothing is there before what it names, and without the operator’s page', async () => {
    await putApp(tree, app())
    const at = (path: string) => order.indexOf(path)
    expect(order.filter((path) => path.includes('console'))).toEqual([])
    expect(Math.max(...order.filter((path) => path.startsWith('assets/')).map(at))).toBeLessThan(at(HEADERS))
    expect([at(HEADERS), at('index.html'), at('sw.js'), order.length - 1]).toEqual(
      [at(HEADERS), at('index.html'), at('sw.js'), at('sw.js')].sort((a, b) => a - b),
    )
  })

  it('is not written where it is another than this knows how to', async () => {
    write('dist/sw.js', 'keep([])')
    await expect(putApp(tree, app())).rejects.toThrow(AppError)
    expect(order).not.toContain('sw.js')
    rmSync(join(folder, 'dist/index.html'))
    await expect(putApp(tree, app())).rejects.toThrow(/npm run build/)
  })

  it('has headers of which none is sent twice, whatever the path; those of earlier workers too', async () => {
    write('site/assets/trainer-0.js', 'of the last build')
    await putApp(tree, app({ server: 'https://api.example/' }))
    const rules = String(file(HEADERS))
      .trim()
      .split('\n\n')
      .flatMap((block) => {
        const [pattern = '', ...lines] = block.split('\n')
        return lines.map((line) => {
          const [, name = '', value = ''] = /^ {2}([\w-]+): (.+)$/.exec(line) ?? []
          return [pattern, name, value] as const
        })
      })
    const sent = (asked: string) =>
      rules.filter(([pattern]) =>
        pattern.endsWith('*') ? asked.startsWith(pattern.slice(0, -1)) : asked === pattern,
      )
    for (const asked of [
      '/',
      '/index.html',
      '/sw.js',
      '/assets/trainer-0.js',
      '/artifacts/ab',
      '/trust/snapshot.json',
    ]) {
      const names = sent(asked).map(([, name]) => name)
      expect(new Set(names).size, asked).toBe(names.length)
      expect(names, asked).toContain('cache-control')
      expect(names, asked).toContain('x-content-type-options')
    }
    const policy = (asked: string) => sent(asked).find(([, name]) => name === 'content-security-policy')?.[2]
    expect(policy('/')).toContain("connect-src 'self' https://api.example;")
    expect(policy('/assets/device-1.js')).toBe(policy('/'))
    for (const trainer of ['/assets/trainer-0.js', '/assets/trainer-1.js'])
      expect(policy(trainer)).toContain("connect-src 'none'")
    expect(policy('/artifacts/ab')).toBeUndefined()
  })
})

describe('docs/static.md', () => {
  const page = readFileSync(resolve(import.meta.dirname, '../../docs/static.md'), 'utf8')

  it('has nginx send what the server sends', async () => {
    const rules = await headerRules(undefined, ['assets/trainer-1.js'])
    const nginx = /```nginx\n(.*?)```/s.exec(page)![1]!
    for (const path of ['/', '/assets/trainer-1.js'])
      expect(nginx).toContain(`"${rules[path]!['content-security-policy']}"`)
    for (const path of ['/assets/*', '/trust/*']) expect(nginx).toContain(rules[path]!['cache-control'])
    for (const [name, value] of Object.entries(rules['/*']!))
      if (!OPTIONAL.has(name))
        expect(nginx.toLowerCase()).toContain(`${name} "${value.toLowerCase()}" always`)
  })
})
/** Of browsers that are gone. */
const OPTIONAL = new Set([
  'x-dns-prefetch-control',
  'x-download-options',
  'x-permitted-cross-domain-policies',
  'x-xss-protection',
])
