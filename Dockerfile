# syntax=docker/dockerfile:1

FROM node:22-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# `npm ci` builds the kernel of the engine from it.
COPY shared shared
RUN npm ci --omit=dev
COPY tsconfig.base.json vite.config.ts ./
COPY web web
COPY worker worker
# What only the page is made of is in the page now: two thirds of what was installed.
RUN npx vite build && rm -rf node_modules/@tensorflow node_modules/assemblyscript node_modules/binaryen

FROM node:22-slim
ENV NODE_ENV=production \
    KINDRED_HOST=0.0.0.0 \
    KINDRED_DATA=/data \
    KINDRED_LOG_REQUESTS=yes
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=build /app/shared shared
COPY worker worker
COPY server server
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 8787
HEALTHCHECK --interval=30s --timeout=5s --start-period=180s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8787/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "server/bin.js"]
CMD ["start"]
