/**
 * For the entry points that run in a browser, imported before any schema is made: Zod would otherwise try whether it
 * may compile code, and a page whose policy forbids that reports every try as a violation.
 */
import { config } from 'zod'

config({ jitless: true })
