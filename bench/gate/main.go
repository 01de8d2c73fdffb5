// The peer in Go: go-control-plane's messages, one answer for everything. Listens on the port given.
package main

import (
	"context"
	"net"
	"os"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
)

type server struct{ auth.UnimplementedAuthorizationServer }

func (server) Check(context.Context, *auth.CheckRequest) (*auth.CheckResponse, error) {
	header := &core.HeaderValueOption{
		Header:       &core.HeaderValue{Key: "x-media-state", Value: "ready"},
		AppendAction: core.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	}
	return &auth.CheckResponse{
		Status: &status.Status{Code: 0},
		HttpResponse: &auth.CheckResponse_OkResponse{
			OkResponse: &auth.OkHttpResponse{Headers: []*core.HeaderValueOption{header}},
		},
	}, nil
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		panic(err)
	}
	grpcServer := grpc.NewServer()
	auth.RegisterAuthorizationServer(grpcServer, server{})
	if err := grpcServer.Serve(listener); err != nil {
		panic(err)
	}
}
