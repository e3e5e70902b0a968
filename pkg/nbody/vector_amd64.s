#include "textflag.h"

// Kernels for AVX2, which round as the Go code does: nothing is multiplied and added at once. Go
// writes operands in reverse: VSUBPS b, a, d is d = a − b.

DATA ·previous+0(SB)/8, $0x0000000000000007 // 7, 0, 1 … 6
DATA ·previous+8(SB)/8, $0x0000000200000001
DATA ·previous+16(SB)/8, $0x0000000400000003
DATA ·previous+24(SB)/8, $0x0000000600000005
GLOBL ·previous(SB), RODATA, $32

// OUTSIDE squares how far eight of the leaf's points, moved by shift, lie from the other leaf's
// bounds.
#define OUTSIDE(points, shift, low, high, d) \
	VMOVUPS      (points)(CX*4), d \
	VSUBPS       shift, d, d  \
	VBROADCASTSS low(AX), Y3  \
	VSUBPS       d, Y3, Y3    \
	VBROADCASTSS high(AX), Y4 \
	VSUBPS       Y4, d, d     \
	VMAXPS       Y3, d, d     \
	VMAXPS       Y15, d, d    \
	VMULPS       d, d, d

// BROADCAST fills p with a coordinate of point SI of the leaf, moved by shift.
#define BROADCAST(points, shift, p) \
	VBROADCASTSS (points)(SI*4), p \
	VSUBPS       shift, p, p

// func scanAVX2(p *pair, best *float32, worst *[leafSize]float32, self, k int) (reach float32)
//
// best holds 16 squared distances for each point of the leaf, of which the first k count; self is 1
// where the other leaf is the leaf itself, whose points are no neighbours of their own, and else 0.
TEXT ·scanAVX2(SB), NOSPLIT, $96-44
	MOVQ         p+0(FP), AX
	MOVQ         best+8(FP), R8
	MOVQ         worst+16(FP), R9
	MOVQ         0(AX), R10
	MOVQ         8(AX), R11
	MOVQ         16(AX), R12
	MOVQ         24(AX), R13
	MOVQ         32(AX), R14
	MOVQ         40(AX), R15
	VBROADCASTSS 64(AX), Y12
	VBROADCASTSS 68(AX), Y13
	VBROADCASTSS 72(AX), Y14
	VMOVUPS      ·previous(SB), Y11
	VXORPS       Y15, Y15, Y15
	XORQ         BX, BX
	XORQ         CX, CX

own: // BX becomes a bit for each point that may have neighbours in the other leaf
	OUTSIDE(R10, Y12, 76, 88, Y0)
	OUTSIDE(R11, Y13, 80, 92, Y1)
	OUTSIDE(R12, Y14, 84, 96, Y2)
	VADDPS    Y1, Y0, Y0
	VADDPS    Y2, Y0, Y0
	VCMPPS    $0x11, (R9)(CX*4), Y0, Y0 // less
	VMOVMSKPS Y0, DX
	SHLXQ     CX, DX, DX
	ORQ       DX, BX
	ADDQ      $8, CX
	CMPQ      CX, 48(AX)
	JLT       own
	TESTQ     BX, BX
	JZ        end

point:
	TZCNTQ       BX, SI
	BLSRQ        BX, BX
	BROADCAST(R10, Y12, Y3)
	BROADCAST(R11, Y13, Y4)
	BROADCAST(R12, Y14, Y5)
	VBROADCASTSS (R9)(SI*4), Y6
	XORQ         DX, DX
	XORQ         CX, CX

other: // DX becomes a bit for each point of the other leaf that is near enough
	VSUBPS    (R13)(CX*4), Y3, Y0
	VSUBPS    (R14)(CX*4), Y4, Y1
	VSUBPS    (R15)(CX*4), Y5, Y2
	VMULPS    Y0, Y0, Y0
	VMULPS    Y1, Y1, Y1
	VMULPS    Y2, Y2, Y2
	VADDPS    Y1, Y0, Y0
	VADDPS    Y2, Y0, Y0
	VMOVUPS   Y0, (SP)(CX*4)
	VCMPPS    $0x11, Y6, Y0, Y1
	VMOVMSKPS Y1, DI
	SHLXQ     CX, DI, DI
	ORQ       DI, DX
	ADDQ      $8, CX
	CMPQ      CX, 56(AX)
	JLT       other
	MOVQ      56(AX), CX
	BZHIQ     CX, DX, DX // what lies beyond the leaf
	MOVQ      self+24(FP), DI
	SHLXQ     SI, DI, DI
	ANDNQ     DX, DI, DX
	JZ        next
	MOVQ      SI, DI
	SHLQ      $6, DI
	ADDQ      R8, DI
	VMOVUPS   0(DI), Y7
	VMOVUPS   32(DI), Y8

hit: // each number of the list becomes max(the one before, min(itself, the new one))
	TZCNTQ       DX, CX
	BLSRQ        DX, DX
	VBROADCASTSS (SP)(CX*4), Y0
	VPERMPS      Y7, Y11, Y9
	VPERMPS      Y8, Y11, Y10
	VMINPS       Y0, Y7, Y7
	VMINPS       Y0, Y8, Y8
	VBLENDPS     $1, Y9, Y10, Y10
	VBLENDPS     $1, Y15, Y9, Y9
	VMAXPS       Y9, Y7, Y7
	VMAXPS       Y10, Y8, Y8
	TESTQ        DX, DX
	JNZ          hit
	VMOVUPS      Y7, 0(DI)
	VMOVUPS      Y8, 32(DI)
	MOVQ         k+32(FP), CX
	MOVL         -4(DI)(CX*4), CX
	MOVL         CX, (R9)(SI*4)

next:
	TESTQ BX, BX
	JNZ   point

end: // the largest of worst
	VMOVUPS      0(R9), Y0
	VMAXPS       32(R9), Y0, Y0
	VMAXPS       64(R9), Y0, Y0
	VEXTRACTF128 $1, Y0, X1
	VMAXPS       X1, X0, X0
	VPERMILPS    $0x4e, X0, X1
	VMAXPS       X1, X0, X0
	VPERMILPS    $0xb1, X0, X1
	VMAXPS       X1, X0, X0
	VMOVSS       X0, reach+40(FP)
	VZEROUPPER
	RET

DATA ·lanes+0(SB)/8, $0x3f80000000000000 // 0, 1 … 7
DATA ·lanes+8(SB)/8, $0x4040000040000000
DATA ·lanes+16(SB)/8, $0x40a0000040800000
DATA ·lanes+24(SB)/8, $0x40e0000040c00000
GLOBL ·lanes(SB), RODATA, $32

DATA ·eight+0(SB)/4, $0x41000000
GLOBL ·eight(SB), RODATA, $4

// func chordsAVX2(chords *float32, pixels int, x, centre, h float32)
//
// It writes whole vectors.
TEXT ·chordsAVX2(SB), NOSPLIT, $0-28
	MOVQ         chords+0(FP), AX
	MOVQ         pixels+8(FP), CX
	VBROADCASTSS x+16(FP), Y1
	VBROADCASTSS centre+20(FP), Y2
	VBROADCASTSS h+24(FP), Y3
	VBROADCASTSS ·eight(SB), Y4
	VADDPS       ·lanes(SB), Y1, Y1
	VXORPS       Y15, Y15, Y15

chord:
	VSUBPS  Y2, Y1, Y0
	VMULPS  Y0, Y0, Y0
	VSUBPS  Y0, Y3, Y0
	VMAXPS  Y15, Y0, Y0
	VSQRTPS Y0, Y0
	VMOVUPS Y0, (AX)
	VADDPS  Y4, Y1, Y1
	ADDQ    $32, AX
	SUBQ    $8, CX
	JGT     chord
	VZEROUPPER
	RET

// func addAVX2(row, chords *float32, pixels int, scale float32)
//
// It adds 0 to what a vector reaches beyond the pixels.
TEXT ·addAVX2(SB), NOSPLIT, $0-28
	MOVQ         row+0(FP), DI
	MOVQ         chords+8(FP), SI
	MOVQ         pixels+16(FP), CX
	VBROADCASTSS scale+24(FP), Y1
	VMOVUPS      ·lanes(SB), Y2
	VBROADCASTSS ·eight(SB), Y3
	VCVTSI2SSQ   CX, X3, X4
	VBROADCASTSS X4, Y4 // pixels left

pixel:
	VMULPS  (SI), Y1, Y0
	VCMPPS  $0x11, Y4, Y2, Y5 // less
	VANDPS  Y5, Y0, Y0
	VADDPS  (DI), Y0, Y0
	VMOVUPS Y0, (DI)
	VSUBPS  Y3, Y4, Y4
	ADDQ    $32, SI
	ADDQ    $32, DI
	SUBQ    $8, CX
	JGT     pixel
	VZEROUPPER
	RET
