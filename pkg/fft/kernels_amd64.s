#include "textflag.h"

// Kernels for AVX2 and FMA; kernels.go says what each computes. A register Y holds four complex
// numbers. Go writes operands in reverse: VSUBPS b, a, d is d = a − b.
//
// Rows of a length that is no multiple of 4 end with a step back, which computes up to three
// columns a second time.

// ROTATE multiplies by −i or +i: swaps real and imaginary parts and changes the sign of one of
// them, given by Y15.
#define ROTATE(z) \
	VPERMILPS $0xb1, z, z \
	VXORPS    Y15, z, z

// TIMES multiplies z by the complex number (re, im) of constant parts; t is scratch.
#define TIMES(re, im, z, t) \
	VPERMILPS      $0xb1, z, t \
	VMULPS         im, t, t    \
	VFMADDSUB213PS t, re, z

// TWIDDLE multiplies z by the number at an offset from BX.
#define TWIDDLE(offset, z) \
	VBROADCASTSS offset(BX), Y12     \
	VBROADCASTSS (offset+4)(BX), Y13 \
	TIMES(Y12, Y13, z, Y6)

// GEOMETRY loads what both radixes share: CX rows, DX bytes of a row less one step, R10 and R11 one
// and three legs of src, R14 and R15 of dst, all in bytes.
#define GEOMETRY \
	MOVQ    dst+0(FP), R12       \
	MOVQ    src+8(FP), R8        \
	MOVQ    shape+16(FP), SI         \
	MOVQ    twiddles+24(FP), BX  \
	MOVQ    rotation+32(FP), DI  \
	VMOVUPS (DI), Y15            \
	MOVQ    0(SI), CX            \
	MOVQ    8(SI), DX            \
	LEAQ    -32(DX*8), DX        \
	MOVQ    16(SI), R10          \
	SHLQ    $3, R10              \
	LEAQ    (R10)(R10*2), R11    \
	MOVQ    32(SI), R14          \
	SHLQ    $3, R14              \
	LEAQ    (R14)(R14*2), R15

// func radix4AVX2(dst, src *complex64, shape *geometry, twiddles *complex64, rotation *[8]uint32)
TEXT ·radix4AVX2(SB), NOSPLIT, $0-40
	GEOMETRY

row4:
	XORQ  AX, AX
	TESTQ BX, BX
	JZ    column4
	VBROADCASTSS 0(BX), Y7
	VBROADCASTSS 4(BX), Y8
	VBROADCASTSS 8(BX), Y9
	VBROADCASTSS 12(BX), Y10
	VBROADCASTSS 16(BX), Y11
	VBROADCASTSS 20(BX), Y12

column4:
	VMOVUPS (R8), Y0
	VMOVUPS (R8)(R10*1), Y1
	VMOVUPS (R8)(R10*2), Y2
	VMOVUPS (R8)(R11*1), Y3
	VADDPS  Y2, Y0, Y4 // a + c
	VSUBPS  Y2, Y0, Y5 // a − c
	VADDPS  Y3, Y1, Y6 // b + d
	VSUBPS  Y3, Y1, Y3
	ROTATE(Y3)         // ∓i(b − d)
	VADDPS  Y6, Y4, Y0
	VADDPS  Y3, Y5, Y1
	VSUBPS  Y6, Y4, Y2
	VSUBPS  Y3, Y5, Y3
	TESTQ   BX, BX
	JZ      store4
	TIMES(Y7, Y8, Y1, Y4)
	TIMES(Y9, Y10, Y2, Y5)
	TIMES(Y11, Y12, Y3, Y6)

store4:
	VMOVUPS Y0, (R12)
	VMOVUPS Y1, (R12)(R14*1)
	VMOVUPS Y2, (R12)(R14*2)
	VMOVUPS Y3, (R12)(R15*1)
	CMPQ    AX, DX
	JEQ     end4
	MOVQ    DX, DI // step ahead, or back to the last four columns
	SUBQ    AX, DI
	CMPQ    DI, $32
	JLE     step4
	MOVQ    $32, DI

step4:
	ADDQ DI, AX
	ADDQ DI, R8
	ADDQ DI, R12
	JMP  column4

end4:
	SUBQ  AX, R8
	SUBQ  AX, R12
	MOVQ  24(SI), AX
	LEAQ  (R8)(AX*8), R8
	MOVQ  40(SI), AX
	LEAQ  (R12)(AX*8), R12
	TESTQ BX, BX
	JZ    next4
	ADDQ  $24, BX

next4:
	DECQ CX
	JNZ  row4
	VZEROUPPER
	RET

// func radix8AVX2(dst, src *complex64, shape *geometry, twiddles *complex64, rotation *[8]uint32)
TEXT ·radix8AVX2(SB), NOSPLIT, $0-40
	GEOMETRY
	LEAQ         (R8)(R10*4), R9   // the upper four legs
	LEAQ         (R12)(R14*4), R13
	MOVL         $0x3f3504f3, AX   // √½
	VMOVD        AX, X14
	VBROADCASTSS X14, Y14

row8:
	XORQ AX, AX

column8:
	VMOVUPS (R8), Y0
	VMOVUPS (R8)(R10*1), Y1
	VMOVUPS (R8)(R10*2), Y2
	VMOVUPS (R8)(R11*1), Y3
	VMOVUPS (R9), Y4
	VMOVUPS (R9)(R10*1), Y5
	VMOVUPS (R9)(R10*2), Y6
	VMOVUPS (R9)(R11*1), Y7

	// Sums s = Y8…Y11 and differences d = Y0…Y3 of legs four apart.
	VADDPS Y4, Y0, Y8
	VSUBPS Y4, Y0, Y0
	VADDPS Y5, Y1, Y9
	VSUBPS Y5, Y1, Y1
	VADDPS Y6, Y2, Y10
	VSUBPS Y6, Y2, Y2
	VADDPS Y7, Y3, Y11
	VSUBPS Y7, Y3, Y3

	// Even outputs: a radix-4 butterfly of the sums.
	VADDPS Y10, Y8, Y4
	VSUBPS Y10, Y8, Y5
	VADDPS Y11, Y9, Y6
	VSUBPS Y11, Y9, Y7
	ROTATE(Y7)
	VADDPS Y6, Y4, Y8  // 0
	VSUBPS Y6, Y4, Y9  // 4
	VADDPS Y7, Y5, Y10 // 2
	VSUBPS Y7, Y5, Y11 // 6

	// Odd outputs: d0 ± rot d2, plus or minus √½ times rot(d1 + d3) ± (d1 − d3).
	ROTATE(Y2)
	VADDPS       Y2, Y0, Y4
	VSUBPS       Y2, Y0, Y5
	VSUBPS       Y3, Y1, Y6
	VADDPS       Y3, Y1, Y7
	ROTATE(Y7)
	VADDPS       Y6, Y7, Y0
	VSUBPS       Y6, Y7, Y1
	VMOVAPS      Y4, Y2
	VFMADD231PS  Y14, Y0, Y2 // 1
	VFNMADD231PS Y14, Y0, Y4 // 5
	VMOVAPS      Y5, Y3
	VFMADD231PS  Y14, Y1, Y3 // 3
	VFNMADD231PS Y14, Y1, Y5 // 7
	TESTQ        BX, BX
	JZ           store8
	TWIDDLE(0, Y2)
	TWIDDLE(8, Y10)
	TWIDDLE(16, Y3)
	TWIDDLE(24, Y9)
	TWIDDLE(32, Y4)
	TWIDDLE(40, Y11)
	TWIDDLE(48, Y5)

store8:
	VMOVUPS Y8, (R12)
	VMOVUPS Y2, (R12)(R14*1)
	VMOVUPS Y10, (R12)(R14*2)
	VMOVUPS Y3, (R12)(R15*1)
	VMOVUPS Y9, (R13)
	VMOVUPS Y4, (R13)(R14*1)
	VMOVUPS Y11, (R13)(R14*2)
	VMOVUPS Y5, (R13)(R15*1)
	CMPQ    AX, DX
	JEQ     end8
	MOVQ    DX, DI // step ahead, or back to the last four columns
	SUBQ    AX, DI
	CMPQ    DI, $32
	JLE     step8
	MOVQ    $32, DI

step8:
	ADDQ DI, AX
	ADDQ DI, R8
	ADDQ DI, R9
	ADDQ DI, R12
	ADDQ DI, R13
	JMP  column8

end8:
	MOVQ  24(SI), DI
	SHLQ  $3, DI
	SUBQ  AX, DI
	ADDQ  DI, R8
	ADDQ  DI, R9
	MOVQ  40(SI), DI
	SHLQ  $3, DI
	SUBQ  AX, DI
	ADDQ  DI, R12
	ADDQ  DI, R13
	TESTQ BX, BX
	JZ    next8
	ADDQ  $56, BX

next8:
	DECQ CX
	JNZ  row8
	VZEROUPPER
	RET

// func realSplitAVX2(up, down, above, below *complex64, rows, columns int, factors *complex64,
// scale float32)
TEXT ·realSplitAVX2(SB), NOSPLIT, $0-60
	MOVQ         up+0(FP), R12
	MOVQ         down+8(FP), R13
	MOVQ         above+16(FP), R8
	MOVQ         below+24(FP), R9
	MOVQ         rows+32(FP), CX
	MOVQ         columns+40(FP), R10
	LEAQ         -32(R10*8), DX
	SHLQ         $3, R10
	MOVQ         factors+48(FP), BX
	VBROADCASTSS scale+56(FP), Y14
	VPCMPEQD     Y15, Y15, Y15     // the sign bits of imaginary parts
	VPSLLQ       $63, Y15, Y15

rowT:
	XORQ         AX, AX
	VBROADCASTSS 0(BX), Y8
	VBROADCASTSS 4(BX), Y9

columnT:
	VMOVUPS     (R8)(AX*1), Y0
	VMOVUPS     (R9)(AX*1), Y1
	VXORPS      Y15, Y1, Y1
	VADDPS      Y1, Y0, Y2      // even
	VSUBPS      Y1, Y0, Y3
	TIMES(Y8, Y9, Y3, Y4)       // odd
	VMOVAPS     Y2, Y5
	VFMADD213PS Y3, Y14, Y2     // scale·even + odd
	VFMSUB213PS Y3, Y14, Y5
	VXORPS      Y15, Y5, Y5
	VMOVUPS     Y5, (R13)(AX*1)
	VMOVUPS     Y2, (R12)(AX*1)
	CMPQ        AX, DX
	JEQ         endT
	ADDQ        $32, AX
	CMPQ        AX, DX
	CMOVQGT     DX, AX          // back to the last four columns
	JMP         columnT

endT:
	ADDQ R10, R8
	SUBQ R10, R9
	ADDQ R10, R12
	SUBQ R10, R13
	ADDQ $8, BX
	DECQ CX
	JNZ  rowT
	VZEROUPPER
	RET

// func transposeAVX2(dst, src *complex64, dstRow, srcRow, rows, columns int)
TEXT ·transposeAVX2(SB), NOSPLIT, $0-48
	MOVQ dstRow+16(FP), R10
	SHLQ $3, R10
	LEAQ (R10)(R10*2), R11
	MOVQ srcRow+24(FP), R12
	SHLQ $3, R12
	LEAQ (R12)(R12*2), R13
	MOVQ rows+32(FP), CX
	SUBQ $4, CX
	MOVQ columns+40(FP), DX
	SUBQ $4, DX
	XORQ AX, AX            // column of src

columnX:
	XORQ  BX, BX           // row of src
	MOVQ  src+8(FP), R8
	LEAQ  (R8)(AX*8), R8
	MOVQ  AX, R9
	IMULQ R10, R9
	ADDQ  dst+0(FP), R9

rowX:
	MOVQ       BX, SI
	IMULQ      R12, SI
	ADDQ       R8, SI
	LEAQ       (R9)(BX*8), DI
	VMOVUPS    (SI), Y0
	VMOVUPS    (SI)(R12*1), Y1
	VMOVUPS    (SI)(R12*2), Y2
	VMOVUPS    (SI)(R13*1), Y3
	VUNPCKLPD  Y1, Y0, Y4
	VUNPCKHPD  Y1, Y0, Y5
	VUNPCKLPD  Y3, Y2, Y6
	VUNPCKHPD  Y3, Y2, Y7
	VPERM2F128 $0x20, Y6, Y4, Y0
	VPERM2F128 $0x20, Y7, Y5, Y1
	VPERM2F128 $0x31, Y6, Y4, Y2
	VPERM2F128 $0x31, Y7, Y5, Y3
	VMOVUPS    Y0, (DI)
	VMOVUPS    Y1, (DI)(R10*1)
	VMOVUPS    Y2, (DI)(R10*2)
	VMOVUPS    Y3, (DI)(R11*1)
	CMPQ       BX, CX
	JEQ        endX
	ADDQ       $4, BX
	CMPQ       BX, CX
	CMOVQGT    CX, BX      // back to the last four rows
	JMP        rowX

endX:
	CMPQ    AX, DX
	JEQ     doneX
	ADDQ    $4, AX
	CMPQ    AX, DX
	CMOVQGT DX, AX         // back to the last four columns
	JMP     columnX

doneX:
	VZEROUPPER
	RET

// func scaleAVX2(dst, src *complex64, factor float32, columns int)
TEXT ·scaleAVX2(SB), NOSPLIT, $0-32
	MOVQ         dst+0(FP), R12
	MOVQ         src+8(FP), R8
	VBROADCASTSS factor+16(FP), Y8
	MOVQ         columns+24(FP), CX

columnS:
	VMULPS  (R8), Y8, Y0
	VMOVUPS Y0, (R12)
	ADDQ    $32, R8
	ADDQ    $32, R12
	SUBQ    $4, CX
	JNZ     columnS
	VZEROUPPER
	RET

// func timesIAVX2(row *complex64, factors *float32, columns int, rotation *[8]uint32)
TEXT ·timesIAVX2(SB), NOSPLIT, $0-32
	MOVQ    row+0(FP), R8
	MOVQ    factors+8(FP), BX
	MOVQ    columns+16(FP), CX
	MOVQ    rotation+24(FP), DI
	VMOVUPS (DI), Y15

columnR:
	VPMOVZXDQ (BX), Y1     // each factor twice
	VMOVSLDUP Y1, Y1
	VMOVUPS   (R8), Y0
	ROTATE(Y0)
	VMULPS    Y1, Y0, Y0
	VMOVUPS   Y0, (R8)
	ADDQ      $16, BX
	ADDQ      $32, R8
	SUBQ      $4, CX
	JNZ       columnR
	VZEROUPPER
	RET
