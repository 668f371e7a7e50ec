/** Artifacts on their way through the service worker: what is asked for by its SHA-256 is that, or it is nothing. */
import { sha256 } from '../../shared/hash.ts'

const ADDRESS = /^\/artifacts\/([0-9a-f]{64})$/

export const isArtifact = ({ pathname }: URL): boolean => ADDRESS.test(pathname)

/**
 * The answer to a request for an artifact; asked for once more, past the cache, where its bytes are others, and a network error
 * where they still are: the device counts that as not reached, and asks again later. What is no 200 goes through as it is.
 */
export async function checkedArtifact(
  request: Request,
  ask: (request: Request) => Promise<Response>,
): Promise<Response> {
  const due = ADDRESS.exec(new URL(request.url).pathname)?.[1]
  // What is immutable is cached for ever, and so would be a damaged copy.
  for (const one of [request.clone(), new Request(request, { cache: 'reload' })]) {
    const answer = await ask(one)
    if (answer.status !== 200) return answer
    const bytes = new Uint8Array(await answer.arrayBuffer())
    if ((await sha256(bytes)) === due) return new Response(bytes, { headers: plain(answer.headers) })
  }
  return Response.error()
}

/** Of a body that was unpacked. */
function plain(headers: Headers): Headers {
  const kept = new Headers(headers)
  kept.delete('content-encoding')
  kept.delete('content-length')
  return kept
}
