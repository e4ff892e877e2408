# One image; the command says which role a container plays. `node dist/<role>.js` is a process, PID 1 included:
#   ingress, api, worker   run until SIGTERM, and are gone within 10 s
#   migrate                applies what is new of prisma/migrations, and ends
#   calfleet …             the operator's commands
#   sandbox                the providers, for a demo
# Nothing writes to the file system: the root may be read-only.

# The version that CI tests with, on a base that gets fixes; a digest behind the tag freezes it for good.
ARG NODE_IMAGE=node:20.20.2-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /src
# What npm ci looks at comes first, so that a change of sources does not install everything again.
COPY package.json package-lock.json .npmrc ./
COPY apps/api/package.json apps/api/
COPY apps/ingress/package.json apps/ingress/
COPY apps/local/package.json apps/local/
COPY apps/sandbox/package.json apps/sandbox/
COPY apps/worker/package.json apps/worker/
COPY packages/client/package.json packages/client/
COPY packages/config/package.json packages/config/
COPY packages/db/package.json packages/db/
COPY packages/domain/package.json packages/domain/
COPY packages/embedded/package.json packages/embedded/
COPY packages/jobs/package.json packages/jobs/
COPY packages/providers/package.json packages/providers/
COPY packages/sync/package.json packages/sync/
COPY packages/telemetry/package.json packages/telemetry/
COPY packages/testkit/package.json packages/testkit/
COPY packages/vault/package.json packages/vault/
# No install script is needed: what is native comes prebuilt, and the one of ours follows.
RUN npm ci --ignore-scripts
COPY prisma.config.ts ./
COPY scripts scripts
COPY prisma prisma
COPY packages packages
COPY apps apps
RUN npm run postinstall && node scripts/image.mjs /calfleet

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="Calfleet" \
  org.opencontainers.image.description="Keeps Google and Microsoft calendars in your own Postgres"
# Stack traces name lines of the sources.
ENV NODE_ENV=production \
  NODE_OPTIONS=--enable-source-maps
WORKDIR /calfleet
# Owned by root: the processes can read their own code and not change it.
COPY --from=build /calfleet ./
# "node" by number, so that Kubernetes sees that it is not root.
USER 1000:1000
STOPSIGNAL SIGTERM
EXPOSE 4000 4001 4002
CMD ["node", "dist/worker.js"]
