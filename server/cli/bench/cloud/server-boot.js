// A child process is started without the loader that strips types.
import { register } from 'tsx/esm/api'

register()
await import('./server-main.ts')
