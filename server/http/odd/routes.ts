/** The routes of an app, as it tells of them itself. */
import type { createApp } from '../app.ts'
import type { Known, Route } from './requests.ts'
import { type JsonSchema, valuesOf } from './values.ts'

interface Document {
  readonly paths: Record<
    string,
    Record<string, { requestBody?: { content: Record<string, { schema: JsonSchema }> } }>
  >
  readonly components?: { schemas?: Record<string, JsonSchema> }
}

/** As the app itself knows them, with the bodies that its document tells of: a new one is among them without being named. */
export async function routesOf(app: ReturnType<typeof createApp>, known: Known['values']): Promise<Route[]> {
  const { paths, components } = (await (await app.request('/api/openapi.json')).json()) as Document
  const routes = app.routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ method, path }): [string, Route] => {
      const told = paths[path.replace(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()]
      const body = told?.requestBody?.content['application/json']?.schema
      return [`${method} ${path}`, { method, path, body: body && valuesOf(body, components?.schemas, known) }]
    })
  return [...new Map(routes).values()]
}
