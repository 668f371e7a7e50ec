/** Leave-one-out on MovieLens-1M, one positive against 100 negatives drawn uniformly: what others have published. */
import type { Published } from './findings.ts'

export const MOVIELENS_UNIFORM_100: readonly Published[] = [
  {
    model: 'DCCL',
    hr10: 0.8223,
    ndcg10: 0.5977,
    source: 'Yao et al. 2021, Device-Cloud Collaborative Learning for Recommendation',
    url: 'https://arxiv.org/abs/2104.06624',
  },
  {
    model: 'SASRec',
    hr10: 0.8245,
    ndcg10: 0.5905,
    source: 'Kang & McAuley 2018, Self-Attentive Sequential Recommendation',
    url: 'https://arxiv.org/abs/1808.09781',
  },
  {
    model: 'BERT4Rec',
    hr10: 0.8039,
    ndcg10: 0.6008,
    source: 'quoted for this protocol; the BERT4Rec paper itself draws its negatives by popularity',
    url: 'https://arxiv.org/abs/1904.06690',
  },
]
