// A worker thread does not inherit the loader that strips types in the main thread.
import { register } from 'tsx/esm/api'

register()
await import('./replica-main.ts')
