# syntax=docker/dockerfile:1
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w -X=github.com/cambio-sts/cambio/internal/cli.release=v$(cat VERSION)" -o /out/cambio ./cmd/cambio
# A volume mounted over it takes its owner, who can then write there.
RUN mkdir -m 0700 /out/state

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/cambio /usr/local/bin/cambio
COPY --from=build --chown=65532:65532 /out/state /run/cambio
USER nonroot
EXPOSE 8080 9090
ENTRYPOINT ["/usr/local/bin/cambio"]
CMD ["serve"]
