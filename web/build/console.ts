import { build, type Plugin } from 'vite'

/**
 * Builds the console (`console.html`) beside the app, in a pass of its own: nothing that the app loads is other than without it. Its
 * files lie in `assets/console`, so that the service worker can leave them alone. `within` goes into that pass, too.
 */
export function consoleApart(within: () => Plugin): Plugin {
  let made: Parameters<typeof build>[0]
  return {
    name: 'kindred:console-apart',
    apply: 'build',
    configResolved({ root, build, oxc, logLevel }) {
      made = {
        configFile: false,
        root,
        publicDir: false,
        logLevel: logLevel ?? 'info',
        oxc,
        build: {
          outDir: build.outDir,
          emptyOutDir: false,
          target: build.target,
          assetsInlineLimit: 0,
          assetsDir: 'assets/console',
          rolldownOptions: { input: `${root}/console.html` },
        },
        plugins: [within()],
      }
    },
    closeBundle: { sequential: true, handler: async () => void (await build(made)) },
  }
}
