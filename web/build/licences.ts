/** The licences of what is built into the app: into the page, its workers and its service worker. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Plugin } from 'vite'

/** `…/node_modules/@noble/ed25519/index.js` → `…/node_modules/@noble/ed25519`; null for what is not of a package. */
export const packageOf = (module: string): string | null =>
  /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(module)?.[1] ?? null

/** One package's part: what it is called, under which licence it is, and the text of that where the package has it. */
export async function notice(folder: string): Promise<string> {
  const {
    name,
    version,
    license = 'unknown',
  } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file)).sort()
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')))
  return [`${name} ${version} (${license})`, ...texts.map((text) => text.trim())].join('\n\n')
}

/**
 * `within` notes what a build puts in and goes into each of them, also those of workers; `written` writes the list when all
 * are done.
 */
export function createLicences(fileName: string): { within: () => Plugin; written: Plugin } {
  const folders = new Set<string>()
  let target = ''
  return {
    within: () => ({
      name: 'kindred:licences-within',
      generateBundle(_, bundle) {
        for (const part of Object.values(bundle))
          for (const module of part.type === 'chunk' ? part.moduleIds : []) {
            const folder = packageOf(module)
            if (folder) folders.add(folder)
          }
      },
    }),
    written: {
      name: 'kindred:licences',
      apply: 'build',
      configResolved({ root, build }) {
        target = join(resolve(root, build.outDir), fileName)
      },
      closeBundle: {
        order: 'post',
        sequential: true,
        async handler() {
          const notices = await Promise.all([...folders].sort().map(notice))
          await writeFile(target, `${notices.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`)
        },
      },
    },
  }
}
