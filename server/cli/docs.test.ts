import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '../..')
const documents = ['README.md', 'ARCHITECTURE.md', ...inDocs()]

function inDocs(): string[] {
  const folder = join(root, 'docs')
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`)
}
const text = (name: string) => readFileSync(join(root, name), 'utf8')

describe('what is written about Kindred', () => {
  it.each(documents)('%s links to files that exist', (name) => {
    const links = [...text(name).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path]) => path!)
    const broken = links.filter((path) => !existsSync(join(root, dirname(name), path)))
    expect(broken).toEqual([])
  })

  it('the README names every command that the command line has, and no other', () => {
    const section = /## The command line\n(.*?)\n## /s.exec(text('README.md'))![1]!
    const named = [...section.matchAll(/^\| `([a-z]+)[^`]*` \|/gm)].map(([, command]) => command!)
    const main = text('server/cli/main.ts')
    const there = [...main.matchAll(/import \{ (\w+)Command \}/g)].map(([, command]) => command!)
    expect([...new Set(named)].sort()).toEqual([...there].sort())
  })

  it('the README’s npm commands are scripts of the package', () => {
    const { scripts } = JSON.parse(text('package.json')) as { scripts: Record<string, string> }
    const used = [...text('README.md').matchAll(/npm (?:run )?([a-z:]+)/g)].map(([, script]) => script!)
    expect(used.filter((script) => !(script in scripts) && script !== 'ci')).toEqual([])
  })
})
