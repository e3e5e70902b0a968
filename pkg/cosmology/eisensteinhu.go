package cosmology

import "math"

// theta27 is the temperature of the microwave background, 2.7255 K, in units of 2.7 K.
const theta27 = 2.7255 / 2.7

// EisensteinHu is the fitted transfer function of Eisenstein and Hu (1998) with acoustic
// oscillations, for one set of parameters. Up to k = 10 h/Mpc and with the parameters of New it is
// within 3 % of CAMB's for Ω_m = 0.3 and 0.5, and within 8 % for 0.1, where half of the matter is
// baryons. Names follow that paper, whose lengths are in Mpc.
type EisensteinHu struct {
	h, fb                        float64
	keq, s, kSilk                float64
	alphaC, betaC, alphaB, betaB float64
	betaNode                     float64
}

// NewEisensteinHu evaluates equations 2 to 24 of the paper.
func NewEisensteinHu(c Cosmology) EisensteinHu {
	om, ob := c.OmegaM*c.H*c.H, c.OmegaB*c.H*c.H
	fb := ob / om
	fc := 1 - fb
	t2 := theta27 * theta27
	t4 := t2 * t2
	zeq := 2.5e4 * om / t4
	keq := 7.46e-2 * om / t2
	b1 := 0.313 * math.Pow(om, -0.419) * (1 + 0.607*math.Pow(om, 0.674))
	b2 := 0.238 * math.Pow(om, 0.223)
	zd := 1291 * math.Pow(om, 0.251) / (1 + 0.659*math.Pow(om, 0.828)) * (1 + b1*math.Pow(ob, b2))
	rd := 31.5 * ob / t4 * 1e3 / zd
	req := 31.5 * ob / t4 * 1e3 / zeq
	s := 2 / (3 * keq) * math.Sqrt(6/req) *
		math.Log((math.Sqrt(1+rd)+math.Sqrt(rd+req))/(1+math.Sqrt(req)))
	a1 := math.Pow(46.9*om, 0.670) * (1 + math.Pow(32.1*om, -0.532))
	a2 := math.Pow(12.0*om, 0.424) * (1 + math.Pow(45.0*om, -0.582))
	c1 := 0.944 / (1 + math.Pow(458*om, -0.708))
	c2 := math.Pow(0.395*om, -0.0266)
	y := (1 + zeq) / (1 + zd)
	r := math.Sqrt(1 + y)
	g := y * (-6*r + (2+3*y)*math.Log((r+1)/(r-1)))
	return EisensteinHu{
		h: c.H, fb: fb, keq: keq, s: s,
		kSilk:    1.6 * math.Pow(ob, 0.52) * math.Pow(om, 0.73) * (1 + math.Pow(10.4*om, -0.95)),
		alphaC:   math.Pow(a1, -fb) * math.Pow(a2, -fb*fb*fb),
		betaC:    1 / (1 + c1*(math.Pow(fc, c2)-1)),
		alphaB:   2.07 * keq * s * math.Pow(1+rd, -0.75) * g,
		betaB:    0.5 + fb + (3-2*fb)*math.Sqrt(math.Pow(17.2*om, 2)+1),
		betaNode: 8.41 * math.Pow(om, 0.435),
	}
}

// At returns T(k), k in h/Mpc; T(0) = 1.
func (t EisensteinHu) At(k float64) float64 {
	if k <= 0 {
		return 1
	}
	k *= t.h // now 1/Mpc
	q := k / (13.41 * t.keq)
	ks := k * t.s
	f := 1 / (1 + math.Pow(ks/5.4, 4))
	cold := f*pressureless(q, 1, t.betaC) + (1-f)*pressureless(q, t.alphaC, t.betaC)
	sound := t.s / math.Cbrt(1+math.Pow(t.betaNode/ks, 3))
	baryons := pressureless(q, 1, 1)/(1+math.Pow(ks/5.2, 2)) +
		t.alphaB/(1+math.Pow(t.betaB/ks, 3))*math.Exp(-math.Pow(k/t.kSilk, 1.4))
	x := k * sound
	return t.fb*baryons*math.Sin(x)/x + (1-t.fb)*cold
}

// pressureless is T̃_0 of equation 19.
func pressureless(q, alpha, beta float64) float64 {
	l := math.Log(math.E + 1.8*beta*q)
	c := 14.2/alpha + 386/(1+69.9*math.Pow(q, 1.08))
	return l / (l + c*q*q)
}
