// Package compose proves the container files where no container runs.
//
//	docker-compose.yml ─┬─▶ read: images, mounts, names, who may write where
//	deploy/compose/*  ──┘   its commands run as written, on this machine: redis-server, init, bootstrap,
//	                        two replicas, nginx; only host names, ports and paths are others
//	Dockerfile ─────────▶ its build runs as written; what it copies and starts is there
//
// It refuses to know how the product works: it has its files, its binary and
// its front door. What only a container engine can show, such as the owner of a
// volume, it does not show.
package compose
