import type { Status } from '../../shared/protocol.ts'

/** Where the model that ranks came from: `own` was trained on this device. */
export function origin(
  status: Pick<Status, 'models' | 'serving'> | null,
  sha256 = status?.serving?.sha256,
): 'own' | 'delivered' | 'none' {
  if (!sha256) return 'none'
  const delivered = status?.models.some((model) => model.slot === 'M0' && model.sha256 === sha256)
  return delivered || status?.serving?.slot === 'M0' ? 'delivered' : 'own'
}
