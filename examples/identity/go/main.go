// An identity service for the realtime proxy. It keeps tickets in memory, and prints a ticket for each user.
//
// docs/identity.md explains the contract, and how to run this example.
package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "example.org/identity/realtimev1"
)

const (
	ticketLife     = time.Minute
	connectionLife = 10 * time.Minute
)

// user returns what the proxy needs to know about a user, or nil.
func user(id string) *pb.Success {
	switch id {
	case "u-1":
		return &pb.Success{UserId: id, FamilyId: "f-1", SubscriptionTier: pb.SubscriptionTier_SUBSCRIPTION_TIER_FAMILY}
	case "u-2":
		return &pb.Success{UserId: id, FamilyId: "f-1", ParentalState: &pb.ParentalState{FeatureLockChat: true}}
	}
	return nil
}

type entry struct {
	user   string
	endsAt time.Time
}

// tickets stores the digests of tickets, not the tickets. If you run several processes, use a shared store that can read
// and remove an entry in one step, such as DELETE … RETURNING in SQL or GETDEL in Redis.
type tickets struct {
	mutex   sync.Mutex
	entries map[[sha256.Size]byte]entry
}

func (t *tickets) issue(user string) string {
	ticket := rand.Text()
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.entries[sha256.Sum256([]byte(ticket))] = entry{user, time.Now().Add(ticketLife)}
	return ticket
}

// redeem returns the user of a ticket and removes the ticket in the same step. It returns "" for a ticket that is unknown,
// spent or expired.
func (t *tickets) redeem(ticket string) string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	digest := sha256.Sum256([]byte(ticket))
	found := t.entries[digest]
	delete(t.entries, digest)
	if time.Now().After(found.endsAt) {
		return ""
	}
	return found.user
}

type identity struct {
	pb.UnimplementedConnectProxyServiceServer
	tickets *tickets
}

func (i *identity) Validate(_ context.Context, request *pb.ValidateRequest) (*pb.ValidateResponse, error) {
	return described(i.tickets.redeem(request.Ticket))
}

func (i *identity) Refresh(_ context.Context, request *pb.RefreshRequest) (*pb.ValidateResponse, error) {
	return described(request.UserId)
}

func described(id string) (*pb.ValidateResponse, error) {
	success := user(id)
	if success == nil {
		return nil, status.Error(codes.NotFound, "no such ticket or user") // never quote a ticket
	}
	success.ExpireAt = time.Now().Add(connectionLife).Unix()
	return &pb.ValidateResponse{Outcome: &pb.ValidateResponse_Success{Success: success}}, nil
}

func main() {
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	server, issued := grpc.NewServer(), &tickets{entries: map[[sha256.Size]byte]entry{}}
	pb.RegisterConnectProxyServiceServer(server, &identity{tickets: issued})
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		server.GracefulStop() // running calls finish; new calls go to other replicas
	}()
	for _, id := range []string{"u-1", "u-2"} {
		fmt.Println(id, issued.issue(id))
	}
	// Serve returns ErrServerStopped if the signal arrived before this call.
	if err := server.Serve(listener); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		log.Fatal(err)
	}
}
