/** A project of somebody else's, in which the package was just installed: from what `npm pack` makes of this repository. */
import { execFile } from 'node:child_process'
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { preview } from 'vite'

const root = resolve(import.meta.dirname, '../..')
/** What the React example depends on itself. */
const OF_REACT = ['react', 'react-dom', '@types/react', '@types/react-dom', 'csstype', 'scheduler']

export interface Fresh {
  readonly folder: string
  /** The installed package. */
  readonly kindred: string
  /** Runs a program of node_modules, as `npx` does; gives what it says. */
  run(program: string, ...args: string[]): Promise<string>
  remove(): Promise<void>
}

async function program(command: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    return (await promisify(execFile)(command, args, { cwd })).stdout
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}\n${stderr}`, { cause: error })
  }
}

/** The app has to be built before; the client is built here. */
export async function freshProject(): Promise<Fresh> {
  const folder = await mkdtemp(join(tmpdir(), 'kindred-fresh-'))
  const modules = join(folder, 'node_modules')
  const vite = join(root, 'node_modules/vite/bin/vite.js')
  await program(process.execPath, [vite, 'build', '-c', 'vite.client.config.ts', '--logLevel', 'error'], root)
  await program('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], root)
  const [tarball] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'))
  await mkdir(join(modules, '.bin'), { recursive: true })
  await program('tar', ['-xzf', tarball!, '-C', modules], folder)
  const kindred = join(modules, 'kindred')
  await cp(join(modules, 'package'), kindred, { recursive: true })
  await rm(join(modules, 'package'), { recursive: true })
  await link([...(await installedWith()), ...OF_REACT], modules)
  for (const [name, path] of [
    ['kindred', 'kindred/server/bin.js'],
    ['vite', 'vite/bin/vite.js'],
  ])
    await symlink(join('..', path!), join(modules, '.bin', name!))
  await chmod(join(kindred, 'server/bin.js'), 0o755) // as npm does with what package.json names under `bin`
  for (const name of ['plain', 'react', 'stories.js', 'style.css'])
    await cp(join(import.meta.dirname, name), join(folder, name), { recursive: true })
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  return {
    folder,
    kindred,
    run: (name, ...args) => program('npx', ['--offline', '--', name, ...args], folder),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

/** What comes with the package, by the lockfile: nothing that only its developers have. */
async function installedWith(): Promise<string[]> {
  interface Lock {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>
  }
  const { packages } = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as Lock
  return Object.entries(packages)
    .filter(
      ([path, { dev, devOptional }]) => /^node_modules\/(@[^/]+\/)?[^/]+$/.test(path) && !dev && !devOptional,
    )
    .map(([path]) => path.slice('node_modules/'.length))
}

async function link(names: readonly string[], modules: string): Promise<void> {
  for (const name of names) {
    await mkdir(dirname(join(modules, name)), { recursive: true })
    await symlink(join(root, 'node_modules', name), join(modules, name)).catch((error: { code?: string }) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
}

/** Serves a folder under a policy that a careful site may have; `server` is the Kindred server's origin, once it is known. */
export async function serveSite(folder: string, server: () => string) {
  const served = await preview({
    configFile: false,
    root: folder,
    logLevel: 'error',
    build: { outDir: folder },
    preview: { port: 0, host: '127.0.0.1' },
    plugins: [
      {
        name: 'policy',
        configurePreviewServer({ middlewares }) {
          middlewares.use(({ url }, answer, next) => {
            answer.setHeader(
              'content-security-policy',
              /\/trainer[^/]*\.js$/.test(url ?? '')
                ? "default-src 'none'; script-src 'self' blob: 'wasm-unsafe-eval'; connect-src 'none'"
                : `default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src data:; connect-src 'self' ${server()}`,
            )
            next()
          })
        },
      },
    ],
  })
  return {
    /** Without a slash at its end. */
    origin: new URL(served.resolvedUrls!.local[0]!).origin,
    close: () => served.close(),
  }
}
