// Package deploy proves deploy/helm and deploy/kustomize where no cluster runs, and a
// release's bill of materials.
//
//	chart ──▶ helm's own linter; rendered by helm's engine ─┬─▶ strictly decoded as Kubernetes' own types
//	base, example ──▶ built by kustomize's own library ─────┤   and held to what a server must not be allowed
//	                                                        └─▶ its configuration and commands run on this machine,
//	                                                            with other paths and ports, on a real Redis
//	cmd/dist ──▶ the schema of CycloneDX
//
// It is a module of its own: Helm and Kubernetes are larger than the product, and
// nothing of the product needs them. It refuses to know how the product works; what
// only a cluster can show, such as that a network policy is enforced, it does not show.
package deploy
